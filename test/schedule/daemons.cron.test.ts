import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startScratchServer } from '../../src/postgres/scratch-server.ts';
import { makeFolder, writeFiles } from '../support/folder.ts';
import { runCli } from '../support/run.ts';

/** Made for this test, and gone afterwards: nobody's own crontab is touched. */
const USER = 'aisha-cron-test';
const MINUTES = 60_000;

let daemon: ChildProcess | undefined;
let ids: { uid: number; gid: number };

/** Its crontab goes first: cron would go on reading it. */
function removeUser(): void {
  spawnSync('crontab', ['-u', USER, '-r']);
  spawnSync('userdel', ['--remove', USER]);
}

beforeAll(() => {
  expect(process.getuid?.(), 'npm run test:cron starts cron, and makes a user: run it as root').toBe(0);
  // A run that was killed may have left it.
  removeUser();
  execFileSync('useradd', ['--create-home', '--shell', '/bin/sh', USER]);
  const id = (flag: string) => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
  ids = { uid: id('-u'), gid: id('-g') };
  // One that runs already keeps this one from starting, and does its work.
  daemon = spawn('cron', ['-f'], { stdio: 'ignore' });
});

afterAll(() => {
  daemon?.kill();
  removeUser();
});

test('cron runs the installed line, in a hostile folder, with the credentials of a file; check says when it stops', {
  timeout: 4 * MINUTES,
}, async () => {
  const server = await startScratchServer();
  try {
    const folder = join(await makeFolder(), `it's 100% "$HOME" – ü`);
    mkdirSync(folder);
    const off = ['backup-daily', 'backup-weekly', 'backup-prune', 'archive-move', 'partitions', 'diagnose'];
    const maintain = ['weekly', 'monthly', 'quarterly', 'resume'].map((name) => `maintain-${name}`);
    const schedule = {
      grace: '1s',
      environmentFile: 'the 100% env',
      jobs: {
        ...Object.fromEntries([...off, ...maintain].map((name) => [name, { enabled: false }])),
        'rls-check': { at: '* * * * *' },
      },
    };
    await writeFiles(folder, {
      'aisha-db.config.json': JSON.stringify({ schedule }),
      'the 100% env': `DATABASE_URL=${server.url('postgres')}\n`,
    });
    execFileSync('chmod', ['600', join(folder, 'the 100% env')]);
    for (const path of ['', 'aisha-db.config.json', 'the 100% env']) chownSync(join(folder, path), ids.uid, ids.gid);
    const before = 'MAILTO=""\n# of somebody else: 100\\% \n@yearly true\n';
    execFileSync('crontab', ['-u', USER, '-'], { input: before });
    const program = {
      path: new URL('../../bin/aisha-db.js', import.meta.url).pathname,
      node: process.execPath,
      ...ids,
    };
    const run = (...args: string[]) =>
      runCli(['schedule', ...args, '--format', 'json'], {
        cwd: folder,
        program,
        env: { HOME: `/home/${USER}`, DATABASE_URL: server.url('postgres') },
      }).then((result) => result.json());

    expect((await run('crontab', '--install')).data).toMatchObject({ changed: true });
    expect((await run('crontab', '--install')).data).toMatchObject({ changed: false });

    const report = join(folder, '.aisha-db/schedule/default.rls-check.json');
    await expect.poll(() => existsSync(report), { timeout: 2.5 * MINUTES, interval: 500 }).toBe(true);
    const { exitCode, target, command } = JSON.parse(readFileSync(report, 'utf8'));
    expect([command, target.port, [0, 1].includes(exitCode)]).toEqual(['rls-check', server.port, true]);

    expect((await run('crontab', '--remove')).data).toMatchObject({ changed: true });
    expect(execFileSync('crontab', ['-u', USER, '-l'], { encoding: 'utf8' })).toBe(before);
    expect((await run('crontab', '--remove')).data).toMatchObject({ changed: false });
    // As if nobody had run it since the minute before the last: it is late.
    const verdict = async () => (await run('check')).data.jobs[0].verdict;
    expect(await verdict()).toBe('ran');
    const earlier = new Date(Date.now() - 2.5 * MINUTES).toISOString();
    writeFileSync(report, JSON.stringify({ ...JSON.parse(readFileSync(report, 'utf8')), startedAt: earlier }));
    expect(await verdict()).toBe('missed');
  } finally {
    await server.stop();
  }
});
