import pg from 'pg';
import { describe } from 'vitest';
import { openClient } from '../../src/diagnostics/stage/database.ts';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { onSuperuser } from '../support/global-setup.ts';
import { testServer } from '../support/server.ts';
import { urlAs } from './fixture.ts';
import { restoredDatabases } from './restored.ts';
import { storeOf } from './store-content.ts';

const databases = restoredDatabases();

/** A database with a name of its own (swaps rename it), backed up, and changed since. */
async function changedSince(db: TestDatabase): Promise<{ project: Project; name: string }> {
  const name = databases.name(`"cr'm" 100% ${'ü'.repeat(12)}`);
  await databases.query('postgres', `create database ${quoteIdentifier(name)} owner app_owner`);
  const { password } = testServer();
  const address = { ...db, name: encodeURIComponent(name) };
  const owner = await openClient(urlAs(address, 'app_owner', password));
  await owner.query('create table public.a as select 1 as id; alter table a enable row level security');
  await owner.end();
  const project = await makeProject({}, { env: { DATABASE_URL: urlAs(address, 'app_dumper', password) } });
  const { code, stderr } = await project.run('backup');
  expect(code, stderr).toBe(0);
  await databases.query(name, 'update public.a set id = 2');
  await onSuperuser(testServer(), async (client) => {
    const quoted = quoteIdentifier(name);
    await client.query(`alter database ${quoted} set search_path to "$user", "My ""schema""", public`);
    await client.query(`alter role anon in database ${quoted} set statement_timeout = '3s'`);
    await client.query(`alter database ${quoted} connection limit 42`);
    await client.query(`revoke connect on database ${quoted} from public; grant connect on database ${quoted} to anon`);
  });
  return { project, name };
}

/** A session of somebody else, which has to go for the swap. */
async function connected(name: string): Promise<pg.Client> {
  const { host, port, password } = testServer();
  const client = new pg.Client({
    host,
    port,
    user: 'app_dumper',
    password,
    database: name,
    application_name: 'the app',
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const rows = (name: string) => databases.query<{ id: number }>(name, 'select id from public.a');

test('the copy takes the place of the database, with its owner, grants and settings; the old one is kept', async ({
  db,
}) => {
  const { project, name } = await changedSince(db);
  const session = await connected(name);
  const run = await project.run('restore', 'latest', '--swap', '--yes', '--end-sessions', '--format', 'json');
  expect(run.code, run.stderr).toBe(0);
  const { kept, ended } = run.json().data.swap;
  expect(ended).toEqual([expect.stringContaining('the app')]);
  await expect(session.query('select 1')).rejects.toThrow();
  expect(await rows(name)).toEqual([{ id: 1 }]);
  expect(await rows(kept)).toEqual([{ id: 2 }]);
  expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(63);
  expect(await databases.all()).toEqual([name, kept].sort());
  const shell = (database: string) =>
    databases.query(
      database,
      `select pg_get_userbyid(datdba) as owner, datconnlimit, shobj_description(d.oid, 'pg_database') like 'aisha-db restore%' as marked,
         has_database_privilege('anon', d.oid, 'CONNECT') as anon, has_database_privilege('authenticated', d.oid, 'CONNECT') as others,
         (select array_agg(setrole::regrole || ' ' || c order by 1) from pg_db_role_setting s, unnest(setconfig) c where setdatabase = d.oid) as settings
       from pg_database d where datname = current_database()`,
    );
  expect(await shell(name)).toEqual([
    {
      owner: 'app_owner',
      datconnlimit: 42,
      marked: null,
      anon: true,
      others: false,
      settings: ['- search_path="$user", "My ""schema""", public', 'anon statement_timeout=3s'],
    },
  ]);
});

describe('sessions of the database', () => {
  test('are listed and not ended without a word for it; the same command then goes on from the copy', async ({
    db,
  }) => {
    const { project, name } = await changedSince(db);
    const session = await connected(name);
    const refused = await project.run('restore', 'latest', '--swap', '--yes');
    expect(refused.code).toBe(6);
    expect(refused.stderr).toMatch(/pid \d+, role app_dumper, the app/);
    expect((await session.query('select id from public.a')).rows).toEqual([{ id: 2 }]);
    await session.end();
    const next = await project.run('restore', 'latest', '--swap', '--yes');
    expect(next.code, next.stderr).toBe(0);
    expect(next.stderr).toContain('was restored by an earlier run and is whole: going on from there');
    expect(await rows(name)).toEqual([{ id: 1 }]);
  });

  test('that we may not end leave everything as it is', async ({ db }) => {
    const { project, name } = await changedSince(db);
    const { host, port, superuser: user, superPassword: password } = testServer();
    const session = new pg.Client({ host, port, user, password, database: name });
    await session.connect();
    const refused = await project.run('restore', 'latest', '--swap', '--yes', '--end-sessions');
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain(`still connected: pid`);
    expect((await session.query('select id from public.a')).rows).toEqual([{ id: 2 }]);
    await session.end();
    expect(await rows(name)).toEqual([{ id: 2 }]);
  });
});

test('a swap that is killed before its commit leaves the old database in its place, open, and the next one does it', async ({
  db,
}) => {
  const { project, name } = await changedSince(db);
  const { host, port, superuser: user, superPassword: password } = testServer();
  const session = new pg.Client({ host, port, user, password, database: name });
  await session.connect();
  // The rename waits for a session that is not ours to end.
  const run = project.start('restore', 'latest', '--swap', '--yes', '--end-sessions');
  await expect
    .poll(
      () =>
        databases.query(
          'postgres',
          `select 1 from pg_stat_activity where query like 'alter database % rename %' and state = 'active' and usename = 'app_dumper'`,
        ),
      { timeout: 60_000, interval: 50 },
    )
    .toHaveLength(1);
  run.kill('SIGKILL');
  await run.done;
  expect((await session.query('select id from public.a')).rows).toEqual([{ id: 2 }]);
  await session.end();
  const other = await connected(name);
  await other.end();
  const next = await project.run('restore', 'latest', '--swap', '--yes', '--end-sessions', '--format', 'json');
  expect(next.code, next.stderr).toBe(0);
  expect(await rows(name)).toEqual([{ id: 1 }]);
  expect(await rows(next.json().data.swap.kept)).toEqual([{ id: 2 }]);
});

test('nothing is swapped without confirmation', async ({ db }) => {
  const { project, name } = await changedSince(db);
  expect((await project.run('restore', 'latest', '--swap')).code).toBe(3);
  const plan = await project.run('restore', 'latest', '--swap', '--plan');
  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.stdout).toContain('in one transaction');
  expect(await databases.all()).toEqual([name]);
});

describe('a restore in place', () => {
  test('wants the name, proves a backup of what is there, and leaves no second database', async ({ db }) => {
    const { project, name } = await changedSince(db);
    const refused = await project.run('restore', 'latest', '--in-place', '--yes');
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('has to be confirmed by its name');
    const [backup] = storeOf(project);
    const run = await project.run('restore', 'latest', '--in-place', '--confirm', name, '--format', 'json');
    expect(run.code, run.stderr).toBe(0);
    expect(await rows(name)).toEqual([{ id: 1 }]);
    expect(await databases.all()).toEqual([name]);
    const { swap } = run.json().data;
    expect(swap).toMatchObject({ backup, kept: null, safety: expect.any(String) });
    // What was there is a backup that has been proved, and comes back from it.
    const { backups } = (await project.report('backup', 'list')).data;
    expect(backups).toContainEqual(expect.objectContaining({ id: swap.safety, state: 'verified' }));
    const undone = await project.run('restore', swap.safety, '--swap', '--yes');
    expect(undone.code, undone.stderr).toBe(0);
    expect(await rows(name)).toEqual([{ id: 2 }]);
  });
});
