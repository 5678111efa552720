import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';
import { startS3 } from '../support/s3-server.ts';

const routines = { quarterly: ['backup'] };

test('the quarterly backup is proved and stored outside, encrypted; a storage that is gone is exit code 10', async ({
  db,
}) => {
  await db.query('create table "Röws %" (id int primary key); insert into "Röws %" select generate_series(1, 100)');
  const s3 = await startS3();
  const recipients = [await identityToRecipient(await generateX25519Identity())];
  const remote = { url: `s3://${s3.bucket}/prod`, endpoint: s3.endpoint, recipients };
  const project = await makeProject(
    { 'aisha-db.config.json': JSON.stringify({ backup: { remote }, maintenance: { routines } }) },
    { env: { ...db.env, ...s3.env }, timeoutMs: 110_000 },
  );
  const plan = await project.run('maintain', 'quarterly', '--dry-run');
  expect(plan.stdout).toContain(`proved by a restore, and copied to s3://${s3.bucket}/prod`);
  const report = await project.report('maintain', 'quarterly');
  expect(report.exitCode, JSON.stringify(report.error)).toBe(0);
  expect(report.checks).toContainEqual(expect.objectContaining({ id: 'backup-external', status: 'passed' }));
  const [copy] = report.data.copies;
  expect(copy).toMatchObject({ class: 'quarterly', encrypted: true });
  expect(readdirSync(join(s3.folder, 'prod')).join()).toContain(copy.id);

  s3.cut(1_000_000, 0);
  const cut = await project.report('maintain', 'quarterly');
  expect(cut.exitCode).toBe(10);
  expect(cut.data.tasks).toMatchObject([{ task: 'backup', state: 'failed' }]);
});

test('without external storage the quarterly backup is a warning; storage that nothing can be encrypted for stops it first', async ({
  db,
}) => {
  const config = (backup: object) => ({
    'aisha-db.config.json': JSON.stringify({ backup, maintenance: { routines } }),
  });
  const project = await makeProject(config({}), { env: db.env, timeoutMs: 110_000 });
  const report = await project.report('maintain', 'quarterly');
  expect(report).toMatchObject({ exitCode: 1, data: { tasks: [{ task: 'backup', state: 'done' }] } });
  expect(report.findings).toMatchObject([{ check: 'backup-external', severity: 'warning' }]);
  await project.write(config({ remote: { url: 's3://bucket/prod' } }));
  const refused = await project.run('maintain', 'quarterly');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('nobody to encrypt the copy for')]);
});
