/** @module-tag since-13 */
import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { makeProject } from './project.ts';

const BAD = 'create table "No ""key" (id int)';

describe('diagnose', () => {
  test('reports findings with what to do, names its checks, and ends with 1', async ({ db }) => {
    await db.query(BAD);
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('diagnose', 'schema');
    expect(report).toMatchObject({ command: 'diagnose', status: 'findings', exitCode: 1 });
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        id: 'missing-primary-key',
        title: 'Tables have a primary key',
        status: 'failed',
      }),
    );
    expect(report.findings).toMatchObject([
      {
        check: 'missing-primary-key',
        severity: 'warning',
        object: 'public."No ""key"',
        remediation: 'alter table public."No ""key" add column row_id bigint generated always as identity primary key;',
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
    ]);
    expect(report.data.ignoredSchemas).toContain('pg_catalog');
    const { stdout, code } = await project.run('diagnose', 'missing-primary-key', '--fail-on', 'critical');
    expect(code).toBe(0);
    expect(stdout).toContain('public."No ""key"  [missing-primary-key]');
  });

  test('a category has a command of its own, with its tables', async ({ db }) => {
    await db.query(BAD);
    const project = await makeProject({}, { env: db.env });
    const { stdout } = await project.run('connections');
    expect(stdout).toContain('[connections/connection-states]');
    expect(stdout).not.toContain('missing-primary-key');
  });

  test('what cannot be decided is not green', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    const report = await project.report('diagnose', 'slow-query');
    expect(report).toMatchObject({ exitCode: 1, checks: [{ status: 'unknown' }], findings: [] });
    const { code } = await project.run('diagnose', 'slow-query', '--unknown-as', 'info');
    expect(code).toBe(0);
  });

  test('the configuration mutes findings, with a word once that has ended, and adds checks', async ({ db }) => {
    await db.query(BAD);
    const own = `-- Title: There are no tables\n-- Category: schema\n-- Severity: info\n-- Message: {object} is one
-- Remediation: drop it\n-- Why: test\n-- Manual: none\n\nselect relname as object from pg_class where relname like 'No %'`;
    const mute = { check: 'missing-primary-key', object: 'public.*', reason: 'comes with 080' };
    const configure = (until: string) =>
      JSON.stringify({ diagnostics: { checksDir: 'checks', mutes: [{ ...mute, until }] } });
    const files = { 'checks/no-tables.sql': own, 'aisha-db.config.json': configure('9999-12-31') };
    const project = await makeProject(files, { env: db.env });
    const quiet = await project.report('diagnose', 'schema');
    expect(quiet.findings).toMatchObject([{ check: 'no-tables', object: 'No "key' }]);
    expect(quiet.data.muted).toMatchObject([{ object: 'public."No ""key"', reason: 'comes with 080' }]);

    await project.write({ 'aisha-db.config.json': configure('2020-01-01') });
    const { code, stderr } = await project.run('diagnose', 'schema');
    expect(code).toBe(1);
    expect(stderr).toContain('muted until 2020-01-01, and still there: missing-primary-key public.* (comes with 080)');
  });

  test('--show prints a script that finds what lies in the schemas of its path', async ({ db }) => {
    const project = await makeProject({}, { env: db.env });
    const { stdout } = await project.run('diagnose', '--show', 'missing-primary-key');
    const input = stdout.replace('commit;', 'select current_schemas(true)::text;');
    const output = execFileSync('psql', [db.url, '-X', '-At'], { input, encoding: 'utf8' });
    expect(output).toContain('{pg_catalog}');
  });

  test('--show prints a script that psql runs', async ({ db }) => {
    await db.query(BAD);
    const project = await makeProject({}, { env: db.env });
    const { stdout, code } = await project.run('diagnose', '--show', 'missing-primary-key');
    expect(code).toBe(0);
    const output = execFileSync('psql', [db.url, '-X', '-v', 'ON_ERROR_STOP=1', '-At'], {
      input: stdout,
      encoding: 'utf8',
    });
    expect(output).toContain('public."No ""key"|');
  });
});

describe('without a database', () => {
  test('--list names every check of a category', async () => {
    const project = await makeProject({});
    const { stdout, code } = await project.run('diagnose', '--list', 'indexes');
    expect(code).toBe(0);
    expect(stdout).toContain('unindexed-foreign-key');
    expect(stdout).not.toContain('missing-primary-key');
  });

  test('an unknown name ends with 2 and what was meant', async () => {
    const project = await makeProject({});
    const { code, stderr } = await project.run('diagnose', 'indices', 'slow-querry', 'schema');
    expect(code).toBe(2);
    expect(stderr).toContain('no check or category "indices", "slow-querry"');
    expect(stderr).toContain('Did you mean indexes, slow-query?');
  });

  test('a broken check of the project is refused with file and problem', async () => {
    const project = await makeProject({
      'aisha-db.config.json': '{ "diagnostics": { "checksDir": "checks" } }',
      'checks/one.sql': '-- Titel: x\n\nselect 1',
      'checks/Two.sql': '',
    });
    const { code, stderr } = await project.run('diagnose', '--list');
    expect(code).toBe(2);
    expect(stderr).toContain('checks/one.sql: unknown key Titel, did you mean Title?');
    expect(stderr).toContain('checks/Two.sql: the name of a check is lower case');
  });
});
