import { OWN_SCHEMA } from './own-schema.ts';

/** A call that would have left the copy. */
export interface StubbedCall {
  /** `net.http_post`. */
  readonly function: string;
  readonly arguments: readonly (string | null)[];
  readonly role: string;
}

/** The calls that were made, from the first. */
export const CALLS = `select function, arguments, role from ${OWN_SCHEMA}.call order by number`;

/** Where calls are written down. Anybody may call; nobody but the superuser may read. */
const RECORDER = `
create schema ${OWN_SCHEMA};
grant usage on schema ${OWN_SCHEMA} to public;
create table ${OWN_SCHEMA}.call (
  number bigint generated always as identity primary key, function text not null, arguments text[] not null, role text not null
);
create function ${OWN_SCHEMA}.note(function text, variadic arguments text[]) returns void language sql security definer
  set search_path = pg_catalog, pg_temp
  as 'insert into ${OWN_SCHEMA}.call (function, arguments, role) values ($1, $2, session_user)';`;

/**
 * Replaces what reaches out of a database. Functions of extensions keep their OID, so that what uses them goes on; a
 * foreign data wrapper without a handler refuses every access. It runs again whenever an extension is created.
 */
const CUT_OFF = `
create function ${OWN_SCHEMA}.cut_off() returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $cut$
declare
  f record;
  passed text;
begin
  for f in
    select n.nspname, p.proname, p.pronargs, p.proretset, p.prorettype, p.proargmodes is not null as has_out,
      pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang and l.lanname = 'c'
    join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_extension e on e.oid = d.refobjid
    where e.extname in ('dblink', 'pg_net', 'pg_cron', 'http') and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
      and p.proname !~ '^dblink_(build_sql|get_pkey|current_query|fdw)'
  loop
    select string_agg(format(', $%s::text', i), '' order by i) into passed from generate_series(1, f.pronargs) i;
    execute format('create or replace function %I.%I(%s) returns %s language plpgsql as %L', f.nspname, f.proname, f.arguments,
      f.result, format('begin perform ${OWN_SCHEMA}.note(%L%s); return %s; end', f.nspname || '.' || f.proname,
        coalesce(passed, ', variadic array[]::text[]'),
        case when f.proretset or f.has_out or f.prorettype = 'void'::regtype then ''
          when f.prorettype = 'text'::regtype then '''OK''' else 'null' end));
  end loop;
  for f in select fdwname from pg_foreign_data_wrapper where fdwhandler <> 0 loop
    execute format('alter foreign data wrapper %I no handler', f.fdwname);
  end loop;
end
$cut$;
create function ${OWN_SCHEMA}.on_extension() returns event_trigger language plpgsql as $$
  begin perform ${OWN_SCHEMA}.cut_off(); end
$$;
create event trigger ${OWN_SCHEMA}_cut_off on ddl_command_end
  when tag in ('CREATE EXTENSION', 'ALTER EXTENSION', 'CREATE FOREIGN DATA WRAPPER', 'ALTER FOREIGN DATA WRAPPER')
  execute function ${OWN_SCHEMA}.on_extension();
select ${OWN_SCHEMA}.cut_off();`;

/** The functions of pg_net 0.8 and later, with the defaults of its documentation. */
const PG_NET = `
create schema net;
create sequence net.http_request_queue_id_seq;
create table net._http_response (
  id bigint, status_code integer, content_type text, headers jsonb, content text, timed_out boolean, error_msg text,
  created timestamptz not null default now()
);
create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin perform ${OWN_SCHEMA}.note('net.http_get', url, params::text); return nextval('net.http_request_queue_id_seq'); end $$;
create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds integer default 5000)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin perform ${OWN_SCHEMA}.note('net.http_post', url, body::text); return nextval('net.http_request_queue_id_seq'); end $$;
create function net.http_delete(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000,
    body jsonb default null)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin perform ${OWN_SCHEMA}.note('net.http_delete', url, params::text); return nextval('net.http_request_queue_id_seq'); end $$;
grant usage on schema net to public;
alter extension pg_net add sequence net.http_request_queue_id_seq;
alter extension pg_net add table net._http_response;
alter extension pg_net add function net.http_get(text, jsonb, jsonb, integer);
alter extension pg_net add function net.http_post(text, jsonb, jsonb, jsonb, integer);
alter extension pg_net add function net.http_delete(text, jsonb, jsonb, integer, jsonb);
alter extension pg_net add schema net;`;

/** The functions and tables of pg_cron 1.6; jobs are listed and never run. */
const PG_CRON = `
create schema cron;
create sequence cron.jobid_seq;
create sequence cron.runid_seq;
create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'), schedule text not null, command text not null,
  nodename text not null default 'localhost', nodeport integer not null default 5432,
  database text not null default current_database(), username text not null default current_user,
  active boolean not null default true, jobname text
);
create table cron.job_run_details (
  jobid bigint, runid bigint primary key default nextval('cron.runid_seq'), job_pid integer, database text, username text,
  command text, status text, return_message text, start_time timestamptz, end_time timestamptz
);
create function cron.schedule(job_name text, schedule text, command text) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare id bigint;
  begin
    perform ${OWN_SCHEMA}.note('cron.schedule', job_name, schedule, command);
    delete from cron.job j where j.jobname = job_name and j.username = session_user;
    insert into cron.job (jobname, schedule, command, username) values (job_name, schedule, command, session_user) returning jobid into id;
    return id;
  end $$;
create function cron.schedule(schedule text, command text) returns bigint
  language sql as $$ select cron.schedule(null, schedule, command) $$;
create function cron.schedule_in_database(job_name text, schedule text, command text, database text, username text default null,
    active boolean default true) returns bigint
  language sql as $$ select cron.schedule(job_name, schedule, command) $$;
create function cron.unschedule(job_id bigint) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform ${OWN_SCHEMA}.note('cron.unschedule', job_id::text);
    delete from cron.job j where j.jobid = job_id;
    if not found then raise exception 'could not find valid entry for job ''%''', job_id; end if;
    return true;
  end $$;
create function cron.unschedule(job_name text) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform ${OWN_SCHEMA}.note('cron.unschedule', job_name);
    delete from cron.job j where j.jobname = job_name;
    if not found then raise exception 'could not find valid entry for job ''%''', job_name; end if;
    return true;
  end $$;
create function cron.alter_job(job_id bigint, schedule text default null, command text default null, database text default null,
    username text default null, active boolean default null) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform ${OWN_SCHEMA}.note('cron.alter_job', job_id::text, schedule, command);
    update cron.job j set schedule = coalesce(alter_job.schedule, j.schedule), command = coalesce(alter_job.command, j.command),
      active = coalesce(alter_job.active, j.active) where j.jobid = job_id;
  end $$;
grant usage on schema cron to public;
grant select on cron.job, cron.job_run_details to public;
alter extension pg_cron add table cron.job;
alter extension pg_cron add table cron.job_run_details;
alter extension pg_cron add sequence cron.jobid_seq;
alter extension pg_cron add sequence cron.runid_seq;
alter extension pg_cron add function cron.schedule(text, text, text);
alter extension pg_cron add function cron.schedule(text, text);
alter extension pg_cron add function cron.schedule_in_database(text, text, text, text, text, boolean);
alter extension pg_cron add function cron.unschedule(bigint);
alter extension pg_cron add function cron.unschedule(text);
alter extension pg_cron add function cron.alter_job(bigint, text, text, text, text, boolean);
alter extension pg_cron add schema cron;`;

const KNOWN: Readonly<Record<string, { readonly schema: string; readonly sql: string }>> = {
  pg_net: { schema: 'net', sql: PG_NET },
  pg_cron: { schema: 'cron', sql: PG_CRON },
};

/** Extensions that have a stub in place of those that a server lacks. */
export function hasStub(extension: string): boolean {
  return Object.hasOwn(KNOWN, extension);
}

/** Schemas of the stubs in place of those extensions. */
export function stubSchemas(missing: readonly string[]): string[] {
  return missing.flatMap((name) => (hasStub(name) ? [KNOWN[name]!.schema] : []));
}

/**
 * SQL for the empty database, run by the superuser before the restore: stubs for the extensions that the server lacks,
 * under their names in pg_extension, so that CREATE EXTENSION IF NOT EXISTS finds them.
 */
export function stubsSql(missing: readonly string[]): string {
  return [RECORDER, ...missing.filter(hasStub).map((name) => `${pretend(name)}${KNOWN[name]!.sql}`)].join('\n');
}

/** SQL for the empty database, behind the stubs: what is real of them is cut off as soon as it is made. */
export const CUT_OFF_SQL = CUT_OFF;

/** SQL for the restored database: nothing has come past it. */
export const CUT_OFF_AGAIN_SQL = `select ${OWN_SCHEMA}.cut_off();`;

function pretend(extension: string): string {
  return `
insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  select pg_catalog.pg_nextoid('pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'), '${extension}',
    (select oid from pg_catalog.pg_roles where rolname = session_user), 'public'::pg_catalog.regnamespace, false, 'stub';`;
}
