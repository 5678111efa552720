import pg from 'pg';
import { expect, test } from 'vitest';
import { startScratchServer } from '../../src/postgres/scratch-server.ts';
import { findServerBinaries } from '../../src/postgres/server-binaries.ts';
import { chooseServerUser } from '../../src/postgres/server-user.ts';
import { makeFolder } from '../support/folder.ts';
import { runCli } from '../support/run.ts';

// A file of its own: it waits for the turn of a minute beside the test of cron, for the same one.
const MINUTES = 60_000;

test('pg_cron takes the jobs, keeps those of others, and check believes what it recorded', {
  timeout: 4 * MINUTES,
}, async () => {
  const server = await startScratchServer({
    binaries: findServerBinaries({ binDir: '/usr/lib/postgresql/15/bin', user: chooseServerUser() }),
    settings: {
      shared_preload_libraries: 'pg_cron',
      'cron.database_name': 'postgres',
      'cron.use_background_workers': 'on',
    },
  });
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    await client.query(`create extension pg_cron; create role "Ow'ner %s" login password 'x';
      grant usage on schema cron to "Ow'ner %s";
      select cron.schedule('aisha-db/default/of-another', '0 0 1 1 *', 'select 1');
      select cron.schedule('aisha-db/default-2/x', '0 0 1 1 *', 'select 1')`);
    const cwd = await makeFolder();
    const url = `postgresql://${encodeURIComponent("Ow'ner %s")}:x@${server.host}:${server.port}/postgres`;
    const run = (...args: string[]) =>
      runCli(['schedule', ...args, '--format', 'json'], { cwd, env: { DATABASE_URL: url } }).then((result) =>
        result.json(),
      );
    const jobs = async () =>
      (
        await client.query(
          `select jobname::text as name, schedule, active from cron.job where username <> current_user order by 1`,
        )
      ).rows;

    const installed = await run('pg_cron', '--install', '--yes');
    expect(installed.error).toBeUndefined();
    expect(installed.data).toMatchObject({ changed: true, put: ['analyze-weekly', 'vacuum-monthly', 'history-daily'] });
    const names = ['analyze-weekly', 'history-daily', 'vacuum-monthly'].map((name) => `aisha-db/default/${name}`);
    expect((await jobs()).map(({ name }) => name)).toEqual(names);
    expect((await run('pg_cron', '--install', '--yes')).data.changed).toBe(false);

    // Somebody changed one, switched one off, and added one to our name: all of it is mended.
    await client.query(`
      update cron.job set schedule = '* * * * *' where jobname = 'aisha-db/default/analyze-weekly';
      update cron.job set active = false where jobname = 'aisha-db/default/vacuum-monthly'`);
    await expect
      .poll(
        async () => (await client.query(`select 1 from cron.job_run_details where status = 'succeeded'`)).rowCount,
        {
          timeout: 2.5 * MINUTES,
          interval: 1_000,
        },
      )
      .toBeGreaterThan(0);
    const verdicts = (await run('check', '--pg-cron')).data.jobs.filter(
      ({ name }: { name: string }) => name === 'analyze-weekly',
    );
    expect(verdicts).toMatchObject([{ verdict: 'ran' }]);
    expect((await run('pg_cron', '--install', '--yes')).data.put).toEqual(['analyze-weekly', 'vacuum-monthly']);
    expect((await jobs()).map(({ schedule, active }) => [schedule, active])).toEqual([
      ['0 4 * * 0', true],
      ['30 0 * * *', true],
      ['0 1 1 * *', true],
    ]);

    expect((await run('pg_cron', '--remove', '--yes')).data.removed).toEqual(names);
    expect(await jobs()).toEqual([]);
    expect((await client.query('select count(*)::int as count from cron.job')).rows).toEqual([{ count: 2 }]);
  } finally {
    await client.end();
    await server.stop();
  }
});
