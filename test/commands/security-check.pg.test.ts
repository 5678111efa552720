/** @module-tag since-13 */
import { expect, test } from '../support/database.ts';
import { makeProject } from './project.ts';

/** Put together here, so that nobody takes this file for a leak. */
const KEY = `sk_live_${'9fK2xQ7vLm4ZtR8wBn3C'}`;

const FILES = {
  'sql/001_a.sql': 'create table a (id int);\n',
  "sql/002_it's 100%.sql": `create table b (id int);\n-- the key: ${KEY}\n`,
  'rollbacks/ROLLBACK_001_a.sql': `-- ${KEY}\ndrop table a;\n`,
};

function of(check: string, findings: { check: string; object: string }[]): string[] {
  return findings.filter((finding) => finding.check === check).map(({ object }) => object);
}

test('secrets in files are found by file, line and kind, and shown nowhere', async ({ db }) => {
  const project = await makeProject(FILES, { env: db.env });
  const { checks, findings, exitCode } = await project.report('diagnose', 'secret-in-file');
  expect(exitCode).toBe(1);
  expect(checks).toMatchObject([{ id: 'secret-in-file', status: 'failed' }]);
  expect(findings).toMatchObject([
    {
      severity: 'critical',
      object: "sql/002_it's 100%.sql:2",
      message: 'line 2 holds what looks like a key of Stripe',
    },
    { severity: 'critical', object: 'rollbacks/ROLLBACK_001_a.sql:1' },
  ]);
  for (const format of ['json', 'table', 'html', 'sarif']) {
    const { stdout, stderr } = await project.run('security-check', '--format', format);
    expect(stdout).toContain('secret-in-file');
    expect(stdout + stderr).not.toContain(KEY);
  }
});

test('a secret in an applied file is muted like any other finding', async ({ db }) => {
  const until = '9999-12-31';
  const mutes = [{ check: 'secret-in-file', object: 'sql/002*:2', until, reason: 'revoked; the file was applied' }];
  const config = JSON.stringify({ diagnostics: { mutes } });
  const project = await makeProject({ ...FILES, 'aisha-db.config.json': config }, { env: db.env });
  const { findings, data } = await project.report('security-check');
  expect(of('secret-in-file', findings)).toEqual(['rollbacks/ROLLBACK_001_a.sql:1']);
  expect(data.muted).toMatchObject([{ check: 'secret-in-file', reason: 'revoked; the file was applied' }]);
});

test('what needs a right is unknown, with the grant that decides it', async ({ db }) => {
  const project = await makeProject({}, { env: db.env });
  const { checks } = (await project.report('security-check')) as { checks: { status: string }[] };
  const undecided = checks.filter(({ status }) => status === 'unknown');
  expect(undecided).toMatchObject([
    {
      id: 'password-hash',
      status: 'unknown',
      reason: '"app_owner" may not read pg_catalog.pg_authid',
      remediation: 'grant select on "pg_catalog"."pg_authid" to "app_owner";',
    },
    {
      id: 'pg-hba-rule',
      status: 'unknown',
      reason: '"app_owner" may not call pg_catalog.pg_hba_file_rules()',
      remediation: 'grant execute on function "pg_catalog"."pg_hba_file_rules"() to "app_owner";',
    },
  ]);
});

test('a password in a user mapping is unknown to whom it is hidden from, and shown to nobody', async ({ db }) => {
  const password = `never-shown-${db.name}`;
  await db.superQuery(`
    grant select on pg_catalog.pg_user_mapping to app_reader;
    create foreign data wrapper w;
    create server "it's %" foreign data wrapper w;
    create user mapping for app_reader server "it's %" options (password '${password}');
  `);
  const project = await makeProject({}, { env: db.env });
  const quiet = await project.report('diagnose', 'stored-password');
  // It is app_reader's own.
  expect(quiet).toMatchObject({ exitCode: 0, checks: [{ status: 'passed' }] });

  await db.superQuery(`create user mapping for app_owner server "it's %" options (password '${password}')`);
  const object = `the user mapping of app_owner for "it's %"`;
  const hidden = await project.report('diagnose', 'stored-password');
  expect(hidden).toMatchObject({
    exitCode: 1,
    checks: [
      {
        status: 'unknown',
        reason: `${object} may hold a password, and app_reader may read it (pg_user_mapping)`,
        remediation: 'Run the check as a superuser, who sees what it holds.',
      },
    ],
  });

  const seen = await makeProject({}, { env: { DATABASE_URL: db.superUrl } });
  const { findings } = await seen.report('diagnose', 'stored-password');
  expect(findings).toMatchObject([{ severity: 'warning', object }]);
  for (const format of ['json', 'table', 'html', 'sarif', 'junit', 'prometheus']) {
    const { stdout, stderr } = await seen.run('security-check', '--format', format);
    expect(stdout + stderr).toContain('stored-password');
    expect(stdout + stderr).not.toContain('never-shown');
  }
});
