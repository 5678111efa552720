/** @module-tag since-13 */
import { DEFAULT_MAINTENANCE } from '../../src/maintenance/settings.ts';
import { openWorker } from '../../src/maintenance/worker.ts';
import { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';

const open = (url: string) =>
  openWorker({
    openSession: () => Session.open(resolveTarget({ databaseUrl: url, env: {} }), { applicationName: 'test' }),
    lockTimeoutMs: 700,
    settings: DEFAULT_MAINTENANCE,
  });

test('sessions that work are gentle and bounded, whatever is set for the database, and the plan says so', async ({
  db,
}) => {
  await db.query(`
    alter database ${db.name} set lock_timeout = 0; alter database ${db.name} set statement_timeout = '1s';
    alter database ${db.name} set vacuum_cost_delay = 0; alter database ${db.name} set vacuum_cost_limit = 10000;
    alter database ${db.name} set max_parallel_maintenance_workers = 8`);
  const { session } = await open(db.url);
  const [row] = await session.query(
    `select json_object_agg(name, setting) as set from pg_settings
     where name ~ '^(lock_timeout|statement_timeout|vacuum_cost_(delay|limit)|max_parallel_maintenance_workers|synchronous_commit|backend_flush_after)$'`,
  );
  await session.close();
  expect(row).toEqual({
    set: {
      lock_timeout: '700',
      statement_timeout: '0',
      vacuum_cost_delay: '2',
      vacuum_cost_limit: '25',
      max_parallel_maintenance_workers: '0',
      synchronous_commit: 'off',
      backend_flush_after: '64',
    },
  });
  await db.query('create table t (id int primary key)');
  const config = { lockTimeout: '3s', maintenance: { vacuum: { costLimit: 77 } } };
  const project = await makeProject({ 'aisha-db.config.json': JSON.stringify(config) }, { env: db.env });
  const plan = await project.report('vacuum', 'public.t', '--dry-run');
  expect(plan.data.session).toMatchObject({
    lock_timeout: '3000ms',
    vacuum_cost_limit: '77',
    synchronous_commit: 'off',
  });
  expect((await project.run('vacuum', 'public.t', '--dry-run')).stdout).toMatch(/vacuum_cost_limit +77/);
});

test('the log is compressed where the role may say so, and only there', async ({ db }) => {
  const compressionOf = async (url: string) => {
    const { session } = await open(url);
    const [row] = await session.query<{ value: string }>("select current_setting('wal_compression') as value");
    await session.close();
    return row!.value;
  };
  expect(await compressionOf(db.url)).toBe('off');
  expect(await compressionOf(db.superUrl)).not.toBe('off');
});
