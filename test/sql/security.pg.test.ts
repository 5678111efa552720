/** @module-tag since-15 */
import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';
import { SQL_DIR } from './pack.ts';

test('the shipped schema gives no cause for a warning', async ({ db }) => {
  const project = await makeProject({}, { env: db.env });
  expect((await project.run('migrate', '--dir', SQL_DIR)).code).toBe(0);
  const { findings, checks } = await project.report('security-check', '--dir', SQL_DIR);
  expect(checks.filter(({ status }) => status === 'unknown').map(({ id }) => id)).toEqual(['password-hash']);
  // Of the server and its roles: what other tests make is there as well.
  const ofTheServer = ['password-expiry', 'log-settings', 'privileged-login', 'server-access-role'];
  // Where there is no schema for extensions, the schema puts its own beside its tables.
  expect(findings.filter(({ check }) => !ofTheServer.includes(check))).toMatchObject([
    { check: 'extension-in-public', severity: 'info', object: 'pgcrypto' },
  ]);
});
