/** @module-tag since-13 */
import { expect, test } from '../support/database.ts';
import { linkIn } from '../support/folder.ts';
import { makeProject, objectsOf } from './project.ts';

const BROKEN = {
  'sql/001_fine.sql': 'create table fine (id int);',
  'sql/002_typo.sql': 'select 1;\n\n  creat table b ();\n',
  'sql/003_needs.sql': '-- Dependencies: 009_later.sql\nselect 1;',
  'sql/004_commit.sql': 'select 1;\ncommit;',
  'sql/999_psql.sql': '\\watch 5\n',
  'sql/loose.sql': 'not looked at: run by name only',
};

const PROBLEMS = [
  '002_typo.sql:3:3 syntax error at or near "creat"',
  '003_needs.sql:1:1 depends on 009_later.sql, which is not in the folder',
  '004_commit.sql:2:1 COMMIT without BEGIN',
  '999_psql.sql:1:1 psql command \\watch cannot be carried out',
];

const problemsOf = (report: { findings: Record<string, string>[] }) =>
  report.findings.filter((f) => f['severity'] === 'critical').map((f) => `${f['object']} ${f['message']}`);

test('without any database every problem of every file is found, with its place', async () => {
  const project = await makeProject(BROKEN);
  const report = await project.report('validate');
  expect(problemsOf(report)).toEqual(PROBLEMS);
  expect(report).toMatchObject({ exitCode: 4, status: 'findings', data: { files: 6 } });
  expect(report.checks).toEqual([{ id: 'plan-invalid', title: 'every file can run, in this order', status: 'failed' }]);
  expect(report.target).toBeNull();
});

test('what is in order passes', async () => {
  const project = await makeProject({ 'sql/001_a.sql': 'create table a (id int)' });
  const { code, stdout } = await project.run('validate');
  expect(stdout).toContain('1 file checked: 0 problems, 0 warnings');
  expect(code).toBe(0);
});

test('an unreadable file and a folder that is not there are errors', async () => {
  const project = await makeProject({});
  await linkIn(project.dir, 'sql/001_a.sql', 'nowhere');
  const unreadable = await project.run('validate');
  expect(unreadable.stdout).toContain('cannot be read: no such file');
  expect(unreadable.code).toBe(4);
  const missing = await project.run('validate', '--dir', 'migrations');
  expect(missing.stderr).toContain(`no such folder: ${project.dir}/migrations`);
  expect(missing.code).toBe(2);
});

test('duplicate numbers, mixed numbers, empty files and look-alikes are warnings', async () => {
  const project = await makeProject({
    'sql/001_a.sql': 'select 1',
    'sql/0001_b.sql': 'select 1',
    'sql/002_empty.sql': '',
    'sql/20260424_x.sql': 'select 1',
    'sql/003_x.sql': 'select 1',
    'sql/003_X.sql': 'select 1',
  });
  const { findings, exitCode } = await project.report('validate');
  expect(findings.map((f: Record<string, string>) => f['check']).sort()).toEqual([
    'duplicate-number',
    'duplicate-number',
    'empty-file',
    'look-alike-names',
    'mixed-numbers',
  ]);
  expect(exitCode).toBe(0);
  expect((await project.run('validate', '--fail-on', 'warning')).code).toBe(1);
});

test('--ledger asks the server instead: what is applied is not looked into, what is pending is', async ({ db }) => {
  const project = await makeProject({ 'sql/001_fine.sql': BROKEN['sql/001_fine.sql'] }, db);
  await project.run('migrate');
  await project.write(BROKEN);
  const before = await objectsOf(db);
  const pending = await project.report('validate', '--ledger');
  expect(problemsOf(pending)).toEqual(PROBLEMS);
  expect(pending.exitCode).toBe(4);
  expect(pending.target.database).toBe(db.name);
  await project.write({ 'sql/001_fine.sql': 'create table fine (id bigint);' });
  const changed = await project.report('validate', '--ledger');
  expect(problemsOf(changed)).toEqual([
    '001_fine.sql changed since it was applied: its statements differ (semantic)',
    ...PROBLEMS,
  ]);
  expect(changed.exitCode).toBe(5);
  expect(await objectsOf(db)).toEqual(before);
});

test('--ledger needs only a role that may read', async ({ db }) => {
  const project = await makeProject({ 'sql/001_a.sql': 'select 1' }, db);
  await project.run('migrate');
  await project.write({ 'sql/002_b.sql': 'selec 2' });
  const report = await project.report('validate', '--ledger', '--database-url', db.readerUrl);
  expect(problemsOf(report)).toEqual(['002_b.sql:1:1 syntax error at or near "selec"']);
});

test('a report for code scanning names file and line', async () => {
  const project = await makeProject(BROKEN);
  const { code, stdout } = await project.run('validate', '--format', 'sarif');
  const [run] = JSON.parse(stdout).runs;
  expect(run.results.map((r: { message: { text: string } }) => r.message.text).join('\n')).toContain('creat');
  expect(code).toBe(4);
});
