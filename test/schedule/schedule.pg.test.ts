import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';

const ENV = { DATABASE_URL: 'postgres://someone:geheim@127.0.0.1:1/nowhere' };
const config = (schedule: object) => ({ 'aisha-db.config.json': JSON.stringify({ schedule }) });

describe('schedule', () => {
  test('shows the next runs in the zone of the machine and in UTC, and what a clock change does to them', async () => {
    const project = await makeProject(config({ timezone: 'Europe/Berlin' }));
    const report = await project.report('schedule');
    const weekly = report.data.jobs.find(({ name }: { name: string }) => name === 'backup-weekly');
    expect(weekly).toMatchObject({ at: '0 2 * * 0', zone: 'Europe/Berlin' });
    expect(weekly.nextRuns).toHaveLength(3);
    for (const time of weekly.nextRuns) expect(new Date(time).getUTCDay()).toBe(0);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: 'schedule-clock-change', object: 'backup-weekly', severity: 'info' }),
    );
    expect((await project.run('schedule')).stdout).toContain('next run, UTC');
  });

  test('never takes credentials, and warns of those that no scheduler will see', async () => {
    const project = await makeProject({}, { env: ENV, ownProcess: true });
    const given = await project.run('schedule', 'crontab', '--database-url', 'postgres://u:geheim@h/x');
    expect([given.code, given.stdout]).toEqual([2, '']);
    for (const what of ['crontab', 'systemd', 'github', 'kubernetes', 'pg_cron']) {
      const { code, stdout, stderr } = await project.run('schedule', what);
      expect([what, code]).toEqual([what, 0]);
      expect(stdout + stderr).not.toContain('geheim');
    }
    expect((await project.run('schedule', 'crontab')).stderr).toContain('DATABASE_URL is set in this shell');
    await project.write({ 'db.env': 'DATABASE_URL=x\n' });
    const open = await project.report('schedule', '--environment-file', 'db.env');
    expect(open.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('others can read') }),
    );
  });

  test('names a file of variables that is still to be written', async () => {
    const project = await makeProject({});
    const { code, stdout } = await project.run('schedule', 'crontab', '--environment-file', 'not-yet.env');
    expect([code, stdout]).toEqual([0, expect.stringContaining('--env-file=not-yet.env ')]);
  });

  test('prints nothing but the text to stdout, the rest to stderr', async () => {
    const project = await makeProject({});
    const { stdout } = await project.run('schedule', 'crontab');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .filter((line) => !/^(#|[\d*])/.test(line)),
    ).toEqual([]);
    expect(stdout).toMatch(/^# BEGIN aisha-db schedule default\n[\s\S]*\n# END aisha-db schedule default\n$/);
  });

  test.each([
    [['cronttab'], 'schedule cannot "cronttab"'],
    [['crontab', '--install', '--remove'], '--install and --remove exclude each other'],
    [['--install'], '--install needs the name of a scheduler'],
    [['check', '--remove'], '--remove needs the name of a scheduler'],
    [['kubernetes', '--install'], 'manifests are applied by kubectl'],
    [['crontab', '--name', 'a/b'], '"a/b" cannot be the name of a schedule'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await (await makeProject({})).run('schedule', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('schedule systemd --install', () => {
  const install = ['schedule', 'systemd', '--unit-dir', 'units', '--install'];

  test('writes its units, again changes nothing, takes away what is no longer wanted, and removes only its own', async () => {
    const project = await makeProject({
      'units/aisha-db.service': '[Unit]\n',
      'units/aisha-db-default-old.timer': '[Timer]\n',
    });
    const units = () => readdirSync(join(project.dir, 'units'));
    expect((await project.report(...install, '--dry-run')).data.changed).toBe(true);
    expect(units()).toHaveLength(2);
    expect((await project.report(...install)).data).toMatchObject({ changed: true, left: [] });
    const all = units().length;
    const before = statSync(join(project.dir, 'units/aisha-db-default-rls-check.timer')).mtimeMs;
    expect((await project.report(...install)).data.changed).toBe(false);
    expect(statSync(join(project.dir, 'units/aisha-db-default-rls-check.timer')).mtimeMs).toBe(before);
    await project.write(config({ jobs: { 'rls-check': { enabled: false } } }));
    await project.report(...install);
    expect(units()).toHaveLength(all - 2);
    const removed = ['schedule', 'systemd', '--unit-dir', 'units', '--remove'];
    expect((await project.report(...removed)).data.changed).toBe(true);
    expect(units().sort()).toEqual(['aisha-db-default-old.timer', 'aisha-db.service']);
    expect((await project.report(...removed)).data.changed).toBe(false);
  });

  test('refuses to write over the file of another, and writes nothing', async () => {
    const project = await makeProject({ 'units/aisha-db-default-rls-check.service': '[Unit]\n' });
    const { code, stderr } = await project.run(...install);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is there and not of this schedule')]);
    expect(readdirSync(join(project.dir, 'units'))).toEqual(['aisha-db-default-rls-check.service']);
  });
});

test('schedule github --install writes a workflow, and removes only its own', async () => {
  const project = await makeProject({});
  const path = join(project.dir, '.github/workflows/aisha-db-default.yml');
  const { stderr } = await project.run('schedule', 'github', '--install');
  expect(stderr).toContain('left out, since their files would be gone with the machine: backup-daily');
  expect((await project.report('schedule', 'github', '--install')).data.changed).toBe(false);
  await project.report('schedule', 'github', '--remove');
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, 'name: mine\n');
  expect((await project.run('schedule', 'github', '--install')).code).toBe(2);
  expect((await project.run('schedule', 'github', '--remove')).code).toBe(2);
  expect(readFileSync(path, 'utf8')).toBe('name: mine\n');
});

describe('schedule check', () => {
  test('tells of jobs that did not run, as a plugin of Nagios too', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('schedule', 'check');
    expect(report.exitCode).toBe(1);
    const severities = Object.fromEntries(
      report.findings.map(({ object, severity }: { object: string; severity: string }) => [object, severity]),
    );
    expect(severities).toMatchObject({
      'backup-daily': 'critical',
      'backup-weekly': 'critical',
      'rls-check': 'warning',
    });
    expect((await project.run('schedule', 'check', '--format', 'nagios')).code).toBe(2);
  });

  test('believes the reports that jobs left: what ran, what failed and why', async ({ db }) => {
    const jobs = {
      'backup-daily': { enabled: false },
      'backup-weekly': { enabled: false },
      'backup-prune': { enabled: false },
    };
    const project = await makeProject(config({ jobs }), { env: db.env });
    const written = (name: string) => ['--format', 'json', '--output', `.aisha-db/schedule/default.${name}.json`];
    await project.write({ '.aisha-db/schedule/': '' });
    // Two that ran now, whatever their time, and one of them in vain.
    expect((await project.run('rls-check', ...written('rls-check'))).code).toBeLessThan(2);
    await project.run('diagnose', 'no-such-check', ...written('diagnose'));
    const report = await project.report('schedule', 'check');
    const verdicts = Object.fromEntries(
      report.data.jobs.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]),
    );
    expect(verdicts).toMatchObject({ 'rls-check': 'ran', diagnose: 'failed', 'archive-move': 'missed' });
    expect(report.findings.find(({ object }: { object: string }) => object === 'diagnose').message).toContain(
      'no-such-check',
    );
  });

  test('believes what maintenance recorded in the database, from whichever machine: done, killed, long ago', async ({
    db,
  }) => {
    const maintenance = { routines: { weekly: ['analyze'], monthly: ['analyze'], quarterly: ['analyze'] } };
    const elsewhere = await makeProject({ 'aisha-db.config.json': JSON.stringify({ maintenance }) }, { env: db.env });
    for (const routine of ['weekly', 'monthly', 'quarterly']) {
      expect((await elsewhere.run('maintain', routine)).code).toBe(0);
    }
    await db.query(`
      update aisha_db.maintenance_runs set outcome = null, ended_at = null where command = 'maintain monthly';
      update aisha_db.maintenance_runs set started_at = started_at - interval '200 days' where command = 'maintain quarterly'`);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('schedule', 'check');
    const jobs = Object.fromEntries(
      report.data.jobs.map((job: { name: string; verdict: string; reason: string | null }) => [
        job.name,
        [job.verdict, job.reason],
      ]),
    );
    expect(jobs).toMatchObject({
      'maintain-weekly': ['ran', null],
      'maintain-monthly': ['failed', expect.stringContaining('killed')],
      'maintain-quarterly': ['missed', null],
    });
  });

  test('does not blame jobs whose first time is still to come', async () => {
    const project = await makeProject({}, { env: ENV });
    await project.report('schedule', 'systemd', '--unit-dir', 'units', '--install');
    const report = await project.report('schedule', 'check');
    expect(report.exitCode).toBe(0);
    expect(new Set(report.data.jobs.map(({ verdict }: { verdict: string }) => verdict))).toEqual(
      new Set(['not due yet']),
    );
  });

  test('believes a backup in the store, whoever took it', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    await project.report('backup', 'create', '--class', 'daily');
    const report = await project.report('schedule', 'check');
    const verdict = (name: string) => report.data.jobs.find((job: { name: string }) => job.name === name).verdict;
    expect([verdict('backup-daily'), verdict('backup-weekly')]).toEqual(['ran', 'missed']);
  });
});
