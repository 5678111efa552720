import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { quoteIdentifier } from '../../src/postgres/quote.ts';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { onSuperuser } from '../support/global-setup.ts';
import { testServer } from '../support/server.ts';
import { backupProject, urlAs } from './fixture.ts';
import { restoredDatabases } from './restored.ts';
import { storeOf } from './store-content.ts';

const databases = restoredDatabases();

/** A project with one backup. */
async function backedUp(db: TestDatabase, schema?: string): Promise<Project> {
  const project = await backupProject(db, schema);
  const { code, stderr } = await project.run('backup', '--dump-format', 'directory', '--jobs', '2');
  expect(code, stderr).toBe(0);
  return project;
}

test('a whole backup comes back into a new database and is equal, then open to whom it was closed', async ({ db }) => {
  const project = await backedUp(db);
  const into = databases.name(`copy's "of" 100% ünï=1`);
  const run = await project.run('restore', 'latest', '--into', into, '--format', 'json');
  expect(run.code, run.stderr).toBe(0);
  expect(run.json().data.restore).toMatchObject({ database: into, differences: [], notRestored: [], rolesCreated: [] });
  expect(await databases.query(into, 'select count(*)::int as rows from public.invoice')).toEqual([{ rows: 500 }]);
  const flags = `select relrowsecurity, relforcerowsecurity from pg_class where oid = 'public.invoice'::regclass`;
  expect(await databases.query(into, flags)).toEqual([{ relrowsecurity: true, relforcerowsecurity: true }]);
  const state = `select shobj_description(oid, 'pg_database') as mark, has_database_privilege('anon', oid, 'CONNECT') as open
    from pg_database where datname = current_database()`;
  expect(await databases.query(into, state)).toEqual([{ mark: null, open: true }]);
  // What is there is never restored over.
  const again = await project.run('restore', 'latest', '--into', into);
  expect(again.code).toBe(10);
  expect(again.stderr).toContain('is not empty: it has the schema "Odd ""schema"" 100% </script>"');
  expect(await databases.query(into, 'select count(*)::int as rows from public.invoice')).toEqual([{ rows: 500 }]);
});

describe('nothing is written when', () => {
  test('a file of the backup has changed, which pg_restore would not notice', async ({ db }) => {
    const project = await backedUp(db, 'create table public.a as select generate_series(1, 1000) as id');
    const [id] = storeOf(project);
    const dump = join(project.dir, '.aisha-db/backups', id!, 'dump');
    await truncate(join(dump, readdirSync(dump).find((name) => name.endsWith('.dat.gz'))!), 0);
    const { code, stderr } = await project.run('restore', 'latest', '--into', databases.name('damaged'));
    expect(code).toBe(10);
    expect(stderr).toContain('is not what was written: it is not restored');
    expect(await databases.all()).toEqual([]);
  });

  test('something stands against it: all of it is told, also in the plan', async ({ db }) => {
    const project = await backedUp(
      db,
      'create table public.a (id int); alter table a enable row level security; alter table a force row level security',
    );
    const role = `it's "poor" ${randomBytes(3).toString('hex')}`;
    const { password } = testServer();
    await onSuperuser(testServer(), (client) =>
      client.query(`create role ${quoteIdentifier(role)} login password '${password}'`),
    );
    try {
      for (const plan of [[], ['--plan']]) {
        const url = urlAs(db, role, password);
        const into = databases.name('x');
        const { code, stderr } = await project.run('restore', 'latest', '--into', into, '--database-url', url, ...plan);
        expect(code).toBe(10);
        expect(stderr).toContain(`${role} may not create the database ${into}`);
        expect(stderr).toContain(`things belong to app_owner, and ${role} is no member of it`);
        expect(stderr).toContain(
          `row-level security of public.a is forced, so that ${role} could not compare its rows`,
        );
      }
    } finally {
      await onSuperuser(testServer(), (client) => client.query(`drop role ${quoteIdentifier(role)}`));
    }
    expect(await databases.all()).toEqual([]);
  });

  test('only the plan is asked for', async ({ db }) => {
    const project = await backedUp(db, 'create table public.a (id int)');
    const into = databases.name('planned');
    const { code, stdout } = await project.run('restore', 'latest', '--into', into, '--plan');
    expect(code).toBe(0);
    expect(stdout).toContain('nothing was written');
    expect(stdout).toMatch(/pg_restore --exit-on-error --verbose --jobs=\d+/);
    expect(stdout).not.toContain(testServer().password);
    expect(await databases.all()).toEqual([]);
  });
});

test('a role that is missing is made without log-in, and what belongs to it is its own again', async ({ db }) => {
  const role = `app_gone ${randomBytes(3).toString('hex')}`;
  const name = quoteIdentifier(role);
  await onSuperuser(testServer(), (client) => client.query(`create role ${name} login; grant ${name} to app_owner`));
  const project = await backedUp(
    db,
    `grant create on schema public to ${name}; create table public.a (id int); alter table a owner to ${name}; create table b (id int); grant select on b to ${name}`,
  );
  await onSuperuser(testServer(), async (client) => {
    await db.superQuery(`reassign owned by ${name} to app_owner; drop owned by ${name}; drop role ${name}`);
    await client.query('select 1');
  });
  const into = databases.name('with role');
  try {
    const run = await project.run('restore', 'latest', '--into', into, '--format', 'json');
    expect(run.code, run.stderr).toBe(0);
    expect(run.json().data.restore.rolesCreated).toEqual([role]);
    expect(
      await databases.query(
        into,
        `select tableowner, rolcanlogin from pg_tables join pg_roles on rolname = tableowner where tablename = 'a'`,
      ),
    ).toEqual([{ tableowner: role, rolcanlogin: false }]);
  } finally {
    await onSuperuser(testServer(), (client) => client.query(`drop database if exists ${quoteIdentifier(into)}`));
    await onSuperuser(testServer(), (client) => client.query(`drop role if exists ${name}`));
  }
});

test('a restore that fails leaves no database, and says what stopped it', async ({ db }) => {
  // A check constraint that reads another table cannot be restored: rows come before it is filled.
  const project = await backedUp(
    db,
    `create table public.z (id int); insert into z values (1);
     create function public.there() returns boolean language sql as 'select count(*) > 0 from public.z';
     create table public.a (id int check (public.there())); insert into a values (1)`,
  );
  const { code, stderr } = await project.run('restore', 'latest', '--into', databases.name('failing'), '--jobs', '1');
  expect(code).toBe(10);
  expect(stderr).toContain('new row for relation "a" violates check constraint');
  expect(stderr).toContain('The database that was made for it is gone again.');
  expect(await databases.all()).toEqual([]);
});

test('a restore that is killed leaves what the next one knows, ends and makes again', async ({ db }) => {
  const project = await backedUp(db, 'create table public.a as select generate_series(1, 1000) as id');
  const into = databases.name('killed');
  const run = project.start('restore', 'latest', '--into', into, '--jobs', '1');
  await expect.poll(() => databases.all(), { timeout: 60_000, interval: 20 }).toEqual([into]);
  run.kill('SIGKILL');
  await run.done;
  const next = await project.run('restore', 'latest', '--into', into);
  expect(next.code, next.stderr).toBe(0);
  expect(next.stderr).toMatch(/cleared away what the run aisha-db-restore-\S+ of \S+ had left/);
  expect(storeOf(project)).toHaveLength(1);
  expect(await databases.query(into, 'select count(*)::int as rows from public.a')).toEqual([{ rows: 1000 }]);
  const left = `select count(*)::int as count from pg_stat_activity where application_name like 'aisha-db restore%'`;
  expect(await databases.query(into, left)).toEqual([{ count: 0 }]);
});
