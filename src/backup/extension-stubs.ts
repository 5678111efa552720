/** Where the objects of a stub go, and what its functions do first. */
export interface StubPlace {
  /** Quoted. */
  readonly schema: string;
  /** A statement of PL/pgSQL that writes a call down: its name and its arguments, as SQL. */
  readonly note: (call: string) => string;
}

/** What takes the place of an extension that a server does not have. */
export interface ExtensionStub {
  /** Of its objects; default: the schema that the extension was made in. */
  readonly schema?: string;
  /** SQL for a superuser; what it makes becomes part of the extension. */
  readonly sql: (place: StubPlace) => string;
}

/**
 * A type that keeps what is written to it as text. What a dump holds of a type is its text form, so that rows come
 * back and are compared as they were.
 * @param typmod functions for a modifier as in `vector(3)`
 */
export function textTypeSql(type: string, functions: string, typmod: '' | 'varchar' | 'numeric' = ''): string {
  const modifier = typmod === '' ? '' : `, typmod_in = ${typmod}typmodin, typmod_out = ${typmod}typmodout`;
  return `
create type ${type};
create function ${functions}_in(cstring) returns ${type} language internal immutable strict parallel safe as 'textin';
create function ${functions}_out(${type}) returns cstring language internal immutable strict parallel safe as 'textout';
create type ${type} (internallength = variable, storage = extended, input = ${functions}_in, output = ${functions}_out${modifier});`;
}

/** A function that nothing is asked of but to be there. */
function absent(name: string, result: string, value = 'null'): string {
  return `create function ${name} returns ${result} language sql immutable as $$ select ${value}::${result} $$;`;
}

/** The functions of pg_net 0.8 and later, with the defaults of its documentation. */
const PG_NET: ExtensionStub = {
  schema: 'net',
  sql: ({ note }) => `
create sequence net.http_request_queue_id_seq;
create table net._http_response (
  id bigint, status_code integer, content_type text, headers jsonb, content text, timed_out boolean, error_msg text,
  created timestamptz not null default now()
);
create table net.http_request_queue (
  id bigint not null default nextval('net.http_request_queue_id_seq'), method text not null, url text not null, headers jsonb not null,
  body bytea, timeout_milliseconds integer not null
);
create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin ${note(`'net.http_get', url, params::text`)} return nextval('net.http_request_queue_id_seq'); end $$;
create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds integer default 5000)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin ${note(`'net.http_post', url, body::text`)} return nextval('net.http_request_queue_id_seq'); end $$;
create function net.http_delete(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000,
    body jsonb default null)
  returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin ${note(`'net.http_delete', url, params::text`)} return nextval('net.http_request_queue_id_seq'); end $$;`,
};

/** The functions and tables of pg_cron 1.6; jobs are listed and never run. */
const PG_CRON: ExtensionStub = {
  schema: 'cron',
  sql: ({ note }) => `
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
    ${note(`'cron.schedule', job_name, schedule, command`)}
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
    ${note(`'cron.unschedule', job_id::text`)}
    delete from cron.job j where j.jobid = job_id;
    if not found then raise exception 'could not find valid entry for job ''%''', job_id; end if;
    return true;
  end $$;
create function cron.unschedule(job_name text) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    ${note(`'cron.unschedule', job_name`)}
    delete from cron.job j where j.jobname = job_name;
    if not found then raise exception 'could not find valid entry for job ''%''', job_name; end if;
    return true;
  end $$;
create function cron.alter_job(job_id bigint, schedule text default null, command text default null, database text default null,
    username text default null, active boolean default null) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    ${note(`'cron.alter_job', job_id::text, schedule, command`)}
    update cron.job j set schedule = coalesce(alter_job.schedule, j.schedule), command = coalesce(alter_job.command, j.command),
      active = coalesce(alter_job.active, j.active) where j.jobid = job_id;
  end $$;
grant select on cron.job, cron.job_run_details to public;`,
};

/** The types and operators of pgvector 0.8; distances are not computed. Its access methods are left out with their indexes. */
const VECTOR: ExtensionStub = {
  sql: ({ schema }) =>
    ['vector', 'halfvec', 'sparsevec']
      .map((type) => {
        const name = `${schema}.${type}`;
        const operators = ['<->', '<#>', '<=>', '<+>'].map(
          (operator) =>
            `create operator ${schema}.${operator} (leftarg = ${name}, rightarg = ${name}, function = ${schema}.l2_distance, commutator = operator(${schema}.${operator}));`,
        );
        const distances = ['l2_distance', 'inner_product', 'cosine_distance', 'l1_distance'].map((distance) =>
          absent(`${schema}.${distance}(${name}, ${name})`, 'double precision'),
        );
        return [
          textTypeSql(name, `${schema}.${type}`, 'varchar'),
          ...distances,
          ...operators,
          absent(`${schema}.l2_norm(${name})`, 'double precision'),
          absent(`${schema}.vector_dims(${name})`, 'integer'),
          absent(`${schema}.${type}_first(${name}, ${name})`, name),
          `create aggregate ${schema}.avg(${name}) (sfunc = ${schema}.${type}_first, stype = ${name});`,
          ...['real[]', 'integer[]', 'double precision[]', 'numeric[]'].map(
            (array) => `create cast (${array} as ${name}) with inout as assignment;`,
          ),
          `create cast (${name} as real[]) with inout;`,
          `create aggregate ${schema}.sum(${name}) (sfunc = ${schema}.${type}_first, stype = ${name});`,
        ].join('\n');
      })
      .join('\n'),
};

const PGJWT: ExtensionStub = {
  sql: ({ schema }) => `
${absent(`${schema}.url_encode(data bytea)`, 'text')}
${absent(`${schema}.url_decode(data text)`, 'bytea')}
${absent(`${schema}.algorithm_sign(signables text, secret text, algorithm text)`, 'text')}
${absent(`${schema}.sign(payload json, secret text, algorithm text default 'HS256')`, 'text')}
${absent(`${schema}.try_cast_double(inp text)`, 'double precision')}
create function ${schema}.verify(token text, secret text, algorithm text default 'HS256')
  returns table (header json, payload json, valid boolean) language sql as $$ select null::json, null::json, null::boolean $$;`,
};

/** What Supabase's projects use of pgsodium 3: its keys, and transparent column encryption, without the key of the server. */
const PGSODIUM: ExtensionStub = {
  schema: 'pgsodium',
  sql: () => `
create type pgsodium.key_status as enum ('default', 'valid', 'invalid', 'expired');
create type pgsodium.key_type as enum ('aead-ietf', 'aead-det', 'hmacsha512', 'hmacsha256', 'auth', 'shorthash', 'generichash',
  'kdf', 'secretbox', 'secretstream', 'stream_xchacha20');
create table pgsodium.key (
  id uuid primary key default gen_random_uuid(), status pgsodium.key_status default 'valid', created timestamptz not null default now(),
  expires timestamptz, key_type pgsodium.key_type, key_id bigint, key_context bytea, name text unique, associated_data text,
  raw_key bytea, raw_key_nonce bytea, parent_key uuid, comment text, user_data text
);
create sequence pgsodium.key_key_id_seq owned by pgsodium.key.key_id;
create view pgsodium.valid_key as
  select id, name, status, key_type, key_id, key_context, created, expires, associated_data from pgsodium.key;
create view pgsodium.decrypted_key as select k.*, null::bytea as decrypted_raw_key from pgsodium.key k;
create function pgsodium.create_key(key_type pgsodium.key_type default 'aead-det', name text default null, raw_key bytea default null,
    raw_key_nonce bytea default null, parent_key uuid default null, key_context bytea default null, expires timestamptz default null,
    associated_data text default '')
  returns pgsodium.valid_key language sql as $$ select null::pgsodium.valid_key $$;
${absent('pgsodium.randombytes_new_nonce()', 'bytea')}
${absent('pgsodium.crypto_aead_det_noncegen()', 'bytea')}
${absent('pgsodium.crypto_aead_det_keygen()', 'bytea')}
${absent('pgsodium.crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)', 'bytea')}
${absent('pgsodium.crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)', 'bytea')}
grant usage on type pgsodium.key_status, pgsodium.key_type to public;`,
};

/** The table and view of the Vault: secrets stay encrypted, since the key is not in the database. */
const SUPABASE_VAULT: ExtensionStub = {
  schema: 'vault',
  sql: () => `
create table vault.secrets (
  id uuid primary key default gen_random_uuid(), name text unique, description text not null default '', secret text not null,
  key_id uuid, nonce bytea, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create view vault.decrypted_secrets as
  select id, name, description, secret, null::text as decrypted_secret, key_id, nonce, created_at, updated_at from vault.secrets;
${absent(`vault.create_secret(new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null)`, 'uuid')}
create function vault.update_secret(secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
  new_key_id uuid default null) returns void language sql as '';`,
};

const PG_GRAPHQL: ExtensionStub = {
  schema: 'graphql',
  sql: () => `
create sequence graphql.seq_schema_version as integer cycle;
create function graphql.resolve(query text, variables jsonb default '{}', "operationName" text default null, extensions jsonb default null)
  returns jsonb language sql as $$ select null::jsonb $$;
create function graphql._internal_resolve(query text, variables jsonb default '{}', "operationName" text default null,
  extensions jsonb default null) returns jsonb language sql as $$ select null::jsonb $$;
${absent('graphql.get_schema_version()', 'integer')}
${absent('graphql.comment_directive(comment_ text)', 'jsonb')}
${absent('graphql.exception(message text)', 'text')}
create function graphql.increment_schema_version() returns event_trigger language plpgsql as $$ begin end $$;`,
};

/** In the columns that every version has. */
const PG_STAT_STATEMENTS: ExtensionStub = {
  sql: ({ schema }) => `
create view ${schema}.pg_stat_statements as
  select null::oid as userid, null::oid as dbid, null::boolean as toplevel, null::bigint as queryid, null::text as query,
    null::bigint as plans, null::double precision as total_plan_time, null::bigint as calls, null::double precision as total_exec_time,
    null::double precision as min_exec_time, null::double precision as max_exec_time, null::double precision as mean_exec_time,
    null::double precision as stddev_exec_time, null::bigint as rows, null::bigint as shared_blks_hit, null::bigint as shared_blks_read
  where false;
create view ${schema}.pg_stat_statements_info as select 0::bigint as dealloc, null::timestamptz as stats_reset;
create function ${schema}.pg_stat_statements_reset(userid oid default 0, dbid oid default 0, queryid bigint default 0)
  returns void language sql as '';`,
};

/** In case a server was packaged without contrib. */
const UUID_OSSP: ExtensionStub = {
  sql: ({ schema }) =>
    ['uuid_generate_v1()', 'uuid_generate_v1mc()', 'uuid_generate_v4()', 'uuid_nil()', 'uuid_ns_dns()', 'uuid_ns_url()']
      .map(
        (name) =>
          `create function ${schema}.${name} returns uuid language sql volatile as $$ select pg_catalog.gen_random_uuid() $$;`,
      )
      .concat(
        ['uuid_generate_v3', 'uuid_generate_v5'].map((name) =>
          absent(`${schema}.${name}(namespace uuid, name text)`, 'uuid'),
        ),
      )
      .join('\n'),
};

const PGCRYPTO: ExtensionStub = {
  sql: ({ schema }) => `
create function ${schema}.gen_random_uuid() returns uuid language sql volatile as $$ select pg_catalog.gen_random_uuid() $$;
create function ${schema}.gen_random_bytes(integer) returns bytea language sql volatile
  as $$ select pg_catalog.substring(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 1, $1) $$;
${['digest', 'hmac'].flatMap((name) => ['text', 'bytea'].map((type) => absent(`${schema}.${name}(${type}, ${name === 'hmac' ? `${type}, ` : ''}text)`, 'bytea'))).join('\n')}
${absent(`${schema}.crypt(text, text)`, 'text')}
${absent(`${schema}.gen_salt(text)`, 'text')}
${absent(`${schema}.gen_salt(text, integer)`, 'text')}
${absent(`${schema}.encrypt(bytea, bytea, text)`, 'bytea')}
${absent(`${schema}.decrypt(bytea, bytea, text)`, 'bytea')}
${absent(`${schema}.pgp_sym_encrypt(text, text)`, 'bytea')}
${absent(`${schema}.pgp_sym_decrypt(bytea, text)`, 'text')}
${absent(`${schema}.armor(bytea)`, 'text')}
${absent(`${schema}.dearmor(text)`, 'bytea')}`,
};

/** By the name of the extension: those of a Supabase project that other servers lack. */
export const STUBS: Readonly<Record<string, ExtensionStub>> = {
  pg_cron: PG_CRON,
  pg_graphql: PG_GRAPHQL,
  pg_net: PG_NET,
  pg_stat_statements: PG_STAT_STATEMENTS,
  pgcrypto: PGCRYPTO,
  pgjwt: PGJWT,
  pgsodium: PGSODIUM,
  supabase_vault: SUPABASE_VAULT,
  'uuid-ossp': UUID_OSSP,
  vector: VECTOR,
};
