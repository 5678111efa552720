import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type ScratchServer, startScratchServer } from '../../src/postgres/scratch-server.ts';
import { serverPrograms } from './server-versions.ts';

/** A server with the roles of a Supabase project, on which `postgres` is no superuser. */
export interface SupabaseServer {
  readonly superUrl: (database: string) => string;
  /** The URL of a database as `postgres`, who owns it, or as `authenticator`, as whom PostgREST logs in. */
  readonly url: (database: string, role?: 'postgres' | 'authenticator') => string;
  /** Makes a database as a new project finds it. */
  createDatabase(name: string): Promise<void>;
  /** Whether service_role goes past policies by its attribute, as on Supabase, or needs a policy. */
  setServiceRoleBypass(bypass: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** What supabase/postgres's first scripts do, as far as a schema can notice it; the superuser is supabase_admin. */
const ROLES = `
  create role anon nologin noinherit;
  create role authenticated nologin noinherit;
  create role service_role nologin noinherit bypassrls;
  create role supabase_auth_admin nologin noinherit createrole;
  create role postgres login createdb createrole replication bypassrls;
  create role authenticator login noinherit;
  grant anon, authenticated, service_role to authenticator;
  grant anon, authenticated, service_role to postgres with admin option;
  grant pg_monitor, pg_signal_backend, pg_read_all_data to postgres;
  alter role anon set statement_timeout = '3s';
  alter role authenticated set statement_timeout = '8s';
  alter role authenticator set lock_timeout = '8s';
`;

/** In each database. Whatever \`postgres\` or supabase_admin creates in public is open to the API's roles. */
const SCHEMAS = `
  alter schema public owner to postgres;
  grant usage on schema public to postgres, anon, authenticated, service_role;
  create schema extensions authorization postgres;
  grant usage on schema extensions to postgres, anon, authenticated, service_role;
  create extension "uuid-ossp" schema extensions;
  create extension pgcrypto schema extensions;
  create extension pg_stat_statements schema extensions;

  create schema auth authorization supabase_auth_admin;
  grant usage on schema auth to postgres, anon, authenticated, service_role;
  create table auth.users (id uuid primary key, email text, raw_app_meta_data jsonb);
  alter table auth.users enable row level security;
  create function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$;
  create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
  $$;
  create function auth.role() returns text language sql stable as $$
    select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  $$;

  create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$
    begin notify pgrst, 'reload schema'; end
  $$;
  create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
`;

const DEFAULT_GRANTS = ['postgres', 'supabase_admin']
  .flatMap((role) =>
    ['tables', 'functions', 'sequences'].map(
      (kind) =>
        `alter default privileges for role ${role} in schema public
          grant all on ${kind} to postgres, anon, authenticated, service_role;`,
    ),
  )
  .join('\n');

/** Starts the server, in the version that the tests of this run use. */
export async function startSupabase(): Promise<SupabaseServer> {
  const major = process.env['AISHA_TEST_PG'];
  const server = await startScratchServer({
    superuser: 'supabase_admin',
    settings: { shared_preload_libraries: 'pg_stat_statements' },
    ...(major ? { binaries: await serverPrograms(major) } : {}),
  });
  const password = randomBytes(12).toString('hex');
  const run = (sql: string, database = 'postgres') => runAsSuperuser(server, database, sql);
  await run(`${ROLES} alter role postgres password '${password}'; alter role authenticator password '${password}'`);
  return {
    superUrl: server.url,
    url: (database, role = 'postgres') => `postgresql://${role}:${password}@${server.host}:${server.port}/${database}`,
    createDatabase: async (name) => {
      await run(`create database ${name} owner postgres`);
      await run(`alter database ${name} set search_path = "$user", public, extensions`);
      await run(SCHEMAS + DEFAULT_GRANTS, name);
    },
    setServiceRoleBypass: (bypass) => run(`alter role service_role ${bypass ? 'bypassrls' : 'nobypassrls'}`),
    stop: () => server.stop(),
  };
}

async function runAsSuperuser(server: ScratchServer, database: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
