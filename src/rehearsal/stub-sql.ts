import { STUBS } from '../backup/extension-stubs.ts';
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

/** SQL for the empty database, run by the superuser before the stubs, whose functions call it. */
export const RECORDER_SQL = RECORDER;

/** What a stub does first: it writes down who calls it, and with what. */
export function noteSql(call: string): string {
  return `perform ${OWN_SCHEMA}.note(${call});`;
}

/** Extensions whose stub a role can make that is no superuser: they have a schema of their own. */
export function hasOwnersStub(extension: string): boolean {
  return extension === 'pg_net' || extension === 'pg_cron';
}

/**
 * SQL for the empty database of a role that is no superuser, behind the recorder: the stubs are objects of their own and
 * no extensions, and where the server lets the role make event triggers (Supabase does), one refuses extensions that
 * would reach out.
 */
export function ownersStubsSql(missing: readonly string[]): string {
  const stubs = missing.filter(hasOwnersStub).map((name) => {
    const { schema = '', sql } = STUBS[name]!;
    return `create schema ${schema}; grant usage on schema ${schema} to public; ${sql({ schema, note: noteSql })}`;
  });
  return [...stubs, REFUSE_REACHING].join('\n');
}

/** Extensions whose functions or tables reach out of the database, or that work by themselves. */
export const REACHING = [
  'pg_cron',
  'pg_net',
  'dblink',
  'http',
  'postgres_fdw',
  'file_fdw',
  'wrappers',
  'mysql_fdw',
  'oracle_fdw',
  'tds_fdw',
  'redis_fdw',
  'mongo_fdw',
];

/** Name of the event trigger: it is there when the role was allowed to make it. */
export const REFUSAL = `${OWN_SCHEMA}_refusal`;

const REFUSE_REACHING = `
create function ${OWN_SCHEMA}.refuse_reaching() returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp as $refuse$
begin
  if exists (select from pg_event_trigger_ddl_commands() c join pg_extension e on e.oid = c.objid
      where c.classid = 'pg_extension'::regclass and e.extname = any (array['${REACHING.join("', '")}'])) then
    raise exception 'this extension reaches out of the copy, and nobody here could hold it back';
  end if;
end
$refuse$;
do $refuse$
begin
  create event trigger ${REFUSAL} on ddl_command_end when tag in ('CREATE EXTENSION') execute function ${OWN_SCHEMA}.refuse_reaching();
exception when insufficient_privilege then null;
end
$refuse$;`;

/** SQL for the empty database, behind the stubs: what is real of them is cut off as soon as it is made. */
export const CUT_OFF_SQL = CUT_OFF;

/** SQL for the restored database: nothing has come past it. */
export const CUT_OFF_AGAIN_SQL = `select ${OWN_SCHEMA}.cut_off();`;
