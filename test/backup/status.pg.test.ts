import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { manifestHash, recordVerification } from '../../src/backup/store.ts';
import { makeProject } from '../commands/project.ts';
import { storedBackup } from './stored-backup.ts';

const HOUR = 3_600_000;

/** A daily backup of 6 hours ago that was proved. */
async function provedProject() {
  const project = await makeProject({});
  const store = join(project.dir, '.aisha-db/backups');
  mkdirSync(store, { recursive: true });
  const backup = await storedBackup(store, 'daily-1', new Date(Date.now() - 6 * HOUR - 1_000).toISOString());
  recordVerification(backup, {
    manifestSha256: manifestHash(backup),
    verified: true,
    at: new Date().toISOString(),
    serverVersion: '15.18',
    restoreMs: 2_500,
    tables: 1,
    differences: [],
    notRestored: [],
  });
  return { project, store };
}

test('status is one line for cron, and 0 while all is well', async () => {
  const { project } = await provedProject();
  const { code, stdout } = await project.run('backup', 'status');
  expect([code, stdout]).toEqual([0, 'last verified daily: 6 h ago; RPO 6 h, RTO 2.5 s\n']);
});

test('status ends with 1 when a backup is late, and a monitoring system hears of it in its own way', async () => {
  const { project } = await provedProject();
  await project.write({ 'aisha-db.config.json': '{ "backup": { "maxAge": { "daily": "5h" } } }' });
  const { code, stdout } = await project.run('backup', 'status');
  expect(code).toBe(1);
  expect(stdout).toContain('the newest is 6 h old, and may be 5 h');
  const nagios = await project.run('backup', 'status', '--format', 'nagios');
  expect(nagios.code).toBe(2);
  expect(nagios.stdout).toMatch(/^AISHA-DB CRITICAL - .*the newest is 6 h old.* \| .*'backup_rpo ünï .*=216\d{5}ms/);
  const { stdout: metrics } = await project.run('backup', 'status', '--format', 'prometheus');
  expect(metrics).toMatch(/^# TYPE aisha_db_backup_rpo_seconds gauge$/m);
  expect(metrics).toMatch(
    /^aisha_db_backup_age_seconds\{command="backup",database="ünï \\"quoted\\" <\/script>",server="db:5432",class="daily"\} 216\d\d/m,
  );
  expect(metrics).toMatch(/^aisha_db_backup_rto_seconds\{.*\} 2\.5$/m);
  expect(metrics).toMatch(/^aisha_db_backup_last_attempt_failed\{.*\} 0$/m);
});

test('status of an environment is that of its database', async () => {
  const { project, store } = await provedProject();
  await storedBackup(store, 'daily-2', new Date().toISOString(), { name: 'other' });
  await project.write({
    'aisha-db.config.json': '{ "environments": { "prod": { "url": "postgres://u@db/other?sslmode=disable" } } }',
  });
  const { databases } = (await project.report('backup', 'status', '--env', 'prod')).data;
  expect(databases).toMatchObject([{ database: 'other', rpoMs: null }]);
  expect((await project.report('backup', 'status')).data.databases).toHaveLength(2);
});

test('a folder that is no backup is critical', async () => {
  const { project, store } = await provedProject();
  mkdirSync(join(store, 'half'));
  const { exitCode, findings } = await project.report('backup', 'status');
  expect(exitCode).toBe(1);
  expect(findings).toMatchObject([{ check: 'backup-damaged', severity: 'critical' }]);
});
