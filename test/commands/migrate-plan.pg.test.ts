/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { linkIn } from '../support/folder.ts';
import { advisoryLocks, ledgerOf, makeProject, objectsOf, statesOf } from './project.ts';

describe('--dry-run', () => {
  test('shows the order, the mode of each file and why others are held back; writes nothing at all', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/010_ten.sql': 'create table ten (id int)',
        'sql/002_two.sql': 'create table two (id int)',
        'sql/003_index.sql': 'select 1;\ncreate index concurrently i on two (id);',
        'sql/004_none.sql': '-- nothing to do',
        'sql/005_smoke_test.sql': 'begin; insert into two values (1); rollback;',
        'sql/999_last.sql': 'select 1',
        'sql/by_hand.sql': 'select 1',
        'sql/020_later.sql': 'select 1',
      },
      db,
    );
    const before = await objectsOf(db);
    const { code, stdout } = await project.run('migrate', '--dry-run', '--to', '010');
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "would apply 4 files, in this order; nothing was written

            file                mode                                                                 note
      ----  ------------------  -------------------------------------------------------------------  -----------------------------------------
      run   002_two.sql         transaction
      run   003_index.sql       2 statements: CREATE INDEX CONCURRENTLY cannot run in a transaction
      run   004_none.sql        empty
      hold  005_smoke_test.sql  test                                                                 ends in ROLLBACK: a test, not a migration
      run   010_ten.sql         transaction
      hold  020_later.sql                                                                            beyond --to
      hold  999_last.sql                                                                             beyond --to

      warning (3)
        005_smoke_test.sql  [side-file]
          its name says it is no migration, yet its number makes it one
          fix: Move it out of the folder, or rename it.
        004_none.sql  [empty-file]
          holds no statement; it is recorded as applied
        005_smoke_test.sql  [test-file]
          ends in ROLLBACK: a test, not a migration; it is not run
          fix: Run it by name: aisha-db migrate --only 005_smoke_test.sql.

      3 warnings
      "
    `);
    expect(await objectsOf(db)).toEqual(before);
    const report = await project.report('migrate', '--dry-run');
    expect(report.data.plan).toEqual([
      { file: '002_two.sql', mode: 'transaction' },
      { file: '003_index.sql', mode: '2 statements: CREATE INDEX CONCURRENTLY cannot run in a transaction' },
      { file: '004_none.sql', mode: 'empty' },
      { file: '010_ten.sql', mode: 'transaction' },
      { file: '020_later.sql', mode: 'transaction' },
      { file: '999_last.sql', mode: 'transaction' },
    ]);
    expect(await objectsOf(db)).toEqual(before);
  });

  test('a role that may only read is enough', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'create table a (id int)' }, db);
    const { code, stdout } = await project.run('migrate', '--dry-run', '--database-url', db.readerUrl);
    expect(stdout).toContain('would apply 1 file');
    expect(code).toBe(0);
  });

  test('a refused plan is refused here too, with the same exit code and without a promise', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'selec 2' }, db);
    const { code, stdout } = await project.run('migrate', '--dry-run');
    expect(stdout).toContain('the plan is refused: 2 pending; nothing was written');
    expect(stdout).not.toContain('would apply');
    expect(code).toBe(4);
  });
});

describe('which files run', () => {
  test('--to stops behind that number, however it is padded, and leaves the final phase for later', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'select 1',
        'sql/002_b.sql': 'select 1',
        'sql/002_c.sql': 'select 1',
        'sql/003_d.sql': 'select 1',
        'sql/999_last.sql': 'select 1',
      },
      db,
    );
    const report = await project.report('migrate', '--to', '2');
    expect(statesOf(report)).toEqual({
      '001_a.sql': 'applied',
      '002_b.sql': 'applied',
      '002_c.sql': 'applied',
      '003_d.sql': 'pending',
      '999_last.sql': 'pending',
    });
    const held = report.data.migrations.filter((m: { state: string }) => m.state === 'pending');
    expect(held.map((m: { reason: string }) => m.reason)).toEqual(['beyond --to', 'beyond --to']);
    expect((await project.report('migrate')).data.migrations.at(-1)).toMatchObject({ state: 'applied' });
  });

  test('--only applies one file and nothing else', async ({ db }) => {
    const project = await makeProject(
      { 'sql/001_a.sql': 'create table a ()', 'sql/002_b.sql': 'create table b ()', 'sql/999_z.sql': 'select 1' },
      db,
    );
    const { code } = await project.run('migrate', '--only', '001_a.sql');
    expect(code).toBe(0);
    expect(await ledgerOf(db)).toEqual([{ file: '001_a.sql', state: 'applied' }]);
  });

  test('--only runs a file without a number, which is then recorded, once', async ({ db }) => {
    const project = await makeProject(
      { 'sql/001_a.sql': 'create table a (id int)', 'sql/tools/grant.sql': 'insert into a values (1)' },
      db,
    );
    await project.run('migrate');
    for (const _ of [1, 2]) expect((await project.run('migrate', '--only', 'tools/grant.sql')).code).toBe(0);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
    expect(await ledgerOf(db)).toContainEqual({ file: 'tools/grant.sql', state: 'applied' });
    expect((await project.run('migrate')).code).toBe(0);
  });

  test('--only resumes a file without a number that failed half-way', async ({ db }) => {
    const project = await makeProject(
      { 'sql/by_hand.sql': '-- Transaction: none\ncreate table a (id int);\ninsert into a values (1 / 0);' },
      db,
    );
    expect((await project.run('migrate', '--only', 'by_hand.sql')).code).toBe(8);
    expect(statesOf(await project.report('status'))).toEqual({ 'by_hand.sql': 'interrupted' });
    await project.write({
      'sql/by_hand.sql': '-- Transaction: none\ncreate table a (id int);\ninsert into a values (1);',
    });
    expect((await project.run('migrate', '--only', 'by_hand.sql')).code).toBe(0);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
    expect(statesOf(await project.report('status'))).toEqual({ 'by_hand.sql': 'applied' });
  });

  test('--only runs a file that ends in ROLLBACK as the test it is: nothing stays, nothing is recorded', async ({
    db,
  }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a (id int)',
        'sql/002_a_smoke_test.sql': 'begin; insert into a values (1); select 1 / count(*) from a; rollback;',
      },
      db,
    );
    const all = await project.report('migrate');
    expect(statesOf(all)).toEqual({ '001_a.sql': 'applied', '002_a_smoke_test.sql': 'not-run' });
    expect((await project.run('migrate', '--only', '002_a_smoke_test.sql')).code).toBe(0);
    expect(await db.query('select id from a')).toEqual([]);
    await project.write({ 'sql/002_a_smoke_test.sql': 'begin; select 1 / count(*) from a; rollback;' });
    const failed = await project.run('migrate', '--only', '002_a_smoke_test.sql');
    expect(failed.stderr).toContain('002_a_smoke_test.sql: division by zero at 002_a_smoke_test.sql:1:8');
    expect(failed.code).toBe(7);
    expect(await ledgerOf(db)).toEqual([{ file: '001_a.sql', state: 'applied' }]);
  });

  test('--only refuses what is not there, what undoes, and what cannot be read', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/ROLLBACK_001_a.sql': 'select 1' }, db);
    await linkIn(project.dir, 'sql/dangling.sql', 'nowhere');
    const missing = await project.run('migrate', '--only', '002_b.sql');
    expect(missing.stderr).toContain('--only 002_b.sql: no such file in the folder');
    const undoing = await project.run('migrate', '--only', 'ROLLBACK_001_a.sql');
    expect(undoing.stderr).toContain('hint: Name the migration that is to go: aisha-db rollback NUMBER.');
    expect([missing.code, undoing.code]).toEqual([2, 2]);
    const unreadable = await project.run('migrate', '--only', 'dangling.sql');
    expect(unreadable.stderr).toContain('dangling.sql: cannot be read: no such file');
    expect(unreadable.code).toBe(4);
  });

  test('--to that is no number is refused before anything is asked of the server', async ({ db }) => {
    const project = await makeProject({}, db);
    const { code, stderr } = await project.run('migrate', '--to', 'users');
    expect(stderr).toContain('--to "users" is no number');
    expect(code).toBe(2);
  });
});

describe('the plan is refused whole', () => {
  test('out of order, until it is allowed', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/003_c.sql': 'select 1' }, db);
    await project.run('migrate');
    await project.write({ 'sql/002_b.sql': 'create table b ()', 'sql/004_d.sql': 'create table d ()' });
    const refused = await project.run('migrate');
    expect(refused.stderr).toContain('002_b.sql: out of order: comes before 003_c.sql, which is applied');
    expect(refused.stderr).toContain('--allow-out-of-order');
    expect(refused.stderr).toContain('aisha-db renumber 002_b.sql (005)');
    expect(refused.code).toBe(4);
    expect(await ledgerOf(db)).toHaveLength(2);
    expect((await project.run('migrate', '--allow-out-of-order')).code).toBe(0);
    expect(await ledgerOf(db)).toHaveLength(4);
  });

  test('a newcomer to a number that is applied, with the next free number; it may be allowed or always refused', async ({
    db,
  }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 1' }, db);
    await project.run('migrate');
    await project.write({ 'sql/002_c.sql': 'select 1', 'sql/0001_d.sql': 'select 1' });
    const refused = await project.run('migrate');
    expect(refused.stderr).toContain('002_c.sql: joins number 002, already applied as 002_b.sql');
    expect(refused.stderr).toContain('aisha-db renumber 002_c.sql (003)');
    expect(refused.stderr).toContain('0001_d.sql: joins number 0001, already applied as 001_a.sql');
    expect(refused.code).toBe(4);
    await project.remove('sql/0001_d.sql');
    await project.write({ 'aisha-db.config.json': '{ "duplicates": "allow" }' });
    expect((await project.run('migrate')).code).toBe(0);
    const { stdout } = await project.run('status');
    expect(stdout).toContain('number 002 is also carried by 002_c.sql; they run in name order');
  });

  test('"duplicates": "refuse" refuses a pair although both are new', async ({ db }) => {
    const files = { 'sql/001_a.sql': 'select 1', 'sql/001_b.sql': 'select 1' };
    const project = await makeProject({ ...files, 'aisha-db.config.json': '{ "duplicates": "refuse" }' }, db);
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('001_a.sql: number 001 is also carried by 001_b.sql');
    expect(code).toBe(4);
    await project.remove('aisha-db.config.json');
    expect((await project.run('migrate')).code).toBe(0);
  });

  test('a pair whose second member failed is no newcomer at the next run', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/001_b.sql': 'select 1/0' }, db);
    expect((await project.run('migrate')).code).toBe(7);
    await project.write({ 'sql/001_b.sql': 'select 1' });
    expect((await project.run('migrate')).code).toBe(0);
  });

  test('a dependency that is missing, or that comes later', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': '-- Dependencies: 002_b.sql\nselect 1',
        'sql/002_b.sql': '-- Description: x\n-- Dependencies: 001, 000_gone.sql\nselect 1',
        'sql/003_c.sql': '-- Dependencies:\n-- - 001_a.sql\n-- - 002\n-- - PostgreSQL 15\nselect 1',
      },
      db,
    );
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('001_a.sql:1:1: depends on 002_b.sql, which does not come before it');
    expect(stderr).toContain('002_b.sql:2:1: depends on 000_gone.sql, which is not in the folder');
    expect(stderr).not.toContain('003_c.sql');
    expect(code).toBe(4);
  });

  test('several files that can never run: all of them at once, each with its place, and nothing is applied', async ({
    db,
  }) => {
    const project = await makeProject(
      {
        'sql/001_fine.sql': 'create table fine ()',
        'sql/002_typo.sql': 'select 1;\n\n  creat table b ();\n',
        'sql/003_quote.sql': "select 'open;\n",
        'sql/004_psql.sql': 'select 1;\n\\connect other\n',
        'sql/005_begin.sql': 'begin;\nselect 1;\n',
        'sql/006_unicode.sql': "select 'é', '日本';\r\nselect 'ü' frm t where;\r\n",
        'sql/007_header.sql': '-- Lock-Timeout: soon\n-- Transaction: maybe\nselect 1;',
        'sql/008_utf16.sql': Buffer.from('\ufeffselect 1;', 'utf16le'),
      },
      db,
    );
    const before = await objectsOf(db);
    const { code, stderr } = await project.run('migrate');
    expect(code).toBe(4);
    expect(await objectsOf(db)).toEqual(before);
    const places = stderr.split('\n').filter((line) => /^ {2}\d{3}_/.test(line));
    expect(places).toMatchInlineSnapshot(`
      [
        "  002_typo.sql:3:3: syntax error at or near "creat"",
        "  003_quote.sql:1:8: unterminated string",
        "  004_psql.sql:2:1: psql command \\connect cannot be carried out",
        "  005_begin.sql:1:1: BEGIN without COMMIT",
        "  006_unicode.sql:2:16: syntax error at or near "t"",
        "  007_header.sql:1:1: header key "Lock-Timeout" is no duration: soon",
        "  007_header.sql:2:1: header key "Transaction" must be "none" or "file", got "maybe"",
        "  008_utf16.sql:1:4: a zero byte in the file",
      ]
    `);
  });

  test('of a file whose place is refused as well: what is wrong in it and where it stands come at once', async ({
    db,
  }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/003_c.sql': 'select 3' }, db);
    await project.run('migrate');
    await project.write({
      'sql/002_b.sql': '-- Dependencies: 009_gone.sql\nselec 2',
      'sql/003_d.sql': 'select 1;\n\\gset',
    });
    for (const args of [['migrate'], ['migrate', '--dry-run']]) {
      const { code, stderr } = await project.run(...args);
      expect(code).toBe(4);
      expect(stderr.split('\n').filter((line) => /^ {2}\d{3}_/.test(line))).toEqual([
        '  002_b.sql: out of order: comes before 003_c.sql, which is applied',
        '  002_b.sql:1:1: depends on 009_gone.sql, which is not in the folder',
        '  002_b.sql:2:1: syntax error at or near "selec"',
        '  003_d.sql: joins number 003, already applied as 003_c.sql',
        '  003_d.sql:2:1: psql command \\gset cannot be carried out',
      ]);
    }
  });

  test('a file out of order that ends in ROLLBACK is a test, and stands against nothing', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/003_c.sql': 'select 3' }, db);
    await project.run('migrate');
    await project.write({ 'sql/002_test.sql': 'begin; select 1; rollback;', 'sql/004_d.sql': 'select 4' });
    const report = await project.report('migrate');
    expect([report.exitCode, statesOf(report)]).toMatchObject([
      0,
      { '002_test.sql': 'not-run', '004_d.sql': 'applied' },
    ]);
  });

  test('a changed file, with the kind of its change, also when nothing is pending', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1;', 'sql/002_b.sql': 'select 2;' }, db);
    await project.run('migrate');
    await project.write({ 'sql/001_a.sql': 'SELECT 1; -- one', 'sql/002_b.sql': 'select 22;' });
    const { code, stderr } = await project.run('migrate');
    expect(code).toBe(5);
    expect(
      stderr,
    ).toContain(`  001_a.sql: changed since it was applied: only comments, white space or letter case differ (cosmetic)
    Restore the applied content, or sign it again: aisha-db repair.
  002_b.sql: changed since it was applied: its statements differ (semantic)
    Restore the applied content, or accept the change: aisha-db repair 002_b.sql.`);
    const status = await project.report('status');
    expect(status.findings.map((f: { message: string }) => f.message)).toEqual([
      expect.stringContaining('(cosmetic)'),
      expect.stringContaining('(semantic)'),
    ]);
    expect(status.data.migrations.map((m: { reason: string }) => m.reason)).toEqual([
      'changed since it was applied: only comments, white space or letter case differ',
      'changed since it was applied: its statements differ',
    ]);
  });

  test('a changed or missing file, which weighs more than anything else', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 2' }, db);
    await project.run('migrate');
    await project.write({ 'sql/001_a.sql': 'select 11', 'sql/003_c.sql': 'selec' });
    await project.remove('sql/002_b.sql');
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('001_a.sql: changed since it was applied');
    expect(stderr).toContain('002_b.sql: applied, but the file is missing');
    expect(stderr).toContain('003_c.sql:1:1: syntax error');
    expect(code).toBe(5);
  });

  test('a renamed file is recognised by its content, not run again', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'create table a ()' }, db);
    await project.run('migrate');
    await project.remove('sql/001_a.sql');
    await project.write({ 'sql/002_a.sql': 'create table a ()' });
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('001_a.sql: applied, but renamed to 002_a.sql');
    expect(stderr).toContain('aisha-db repair 002_a.sql');
    expect(code).toBe(5);
  });

  test('line endings and a byte order mark are no change', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1;\nselect 2;\n' }, db);
    await project.run('migrate');
    await project.write({ 'sql/001_a.sql': '\ufeffselect 1;\r\nselect 2;\r\n' });
    expect((await project.run('status', '--check')).code).toBe(0);
  });
});

describe('the final phase', () => {
  const FINAL = 'insert into runs select count(*) from runs';

  test('runs last, and again when a forward file ran or its content changed, not otherwise', async ({ db }) => {
    const project = await makeProject(
      { 'sql/999_final.sql': FINAL, 'sql/001_runs.sql': 'create table runs (nr int)' },
      db,
    );
    const runs = async () => (await db.query('select nr from runs order by nr')).map(({ nr }) => nr);
    await project.run('migrate');
    expect(await runs()).toEqual([0]);
    expect((await project.run('migrate')).stdout).toContain('nothing to apply');
    await project.write({ 'sql/002_b.sql': 'select 1', 'sql/0998_b.sql': 'select 1' });
    const { data } = await project.report('migrate', '--dry-run');
    expect(data.plan.map((p: { file: string }) => p.file)).toEqual(['002_b.sql', '0998_b.sql', '999_final.sql']);
    await project.run('migrate');
    expect(await runs()).toEqual([0, 1]);
    await project.write({ 'sql/999_final.sql': `${FINAL};` });
    await project.run('migrate');
    expect(await runs()).toEqual([0, 1, 2]);
    await project.run('migrate');
    expect(await runs()).toEqual([0, 1, 2]);
  });

  test('is made up for when the run stopped before it', async ({ db }) => {
    const project = await makeProject(
      { 'sql/001_runs.sql': 'create table runs (nr int)', 'sql/999_final.sql': FINAL },
      db,
    );
    await project.run('migrate');
    await project.write({ 'sql/002_b.sql': 'select 1' });
    await project.run('migrate', '--to', '2');
    const { data } = await project.report('status');
    expect(data.migrations.at(-1)).toMatchObject({
      state: 'pending',
      reason: 'runs again: a file before it was applied since',
    });
    await project.run('migrate');
    expect(await db.query('select nr from runs')).toHaveLength(2);
  });

  test('begins where the configuration says', async ({ db }) => {
    const project = await makeProject(
      { 'sql/950_a.sql': 'select 1', 'sql/1000_b.sql': 'select 1', 'aisha-db.config.json': '{ "finalFrom": 980 }' },
      db,
    );
    const { data } = await project.report('status');
    expect(data.migrations.map((m: { phase: string }) => m.phase)).toEqual(['forward', 'forward']);
  });
});

describe('the configuration', () => {
  test('a protected environment asks for its name: nobody answers, so the run is refused', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a ()',
        'aisha-db.config.json': JSON.stringify({
          environments: { production: { urlFrom: 'PRODUCTION_URL', protected: true } },
        }),
      },
      { env: { PRODUCTION_URL: db.url } },
    );
    for (const args of [[], ['--yes']]) {
      const { code, stderr } = await project.run('migrate', '--env', 'production', ...args);
      expect(stderr).toContain('(environment production, protected)');
      expect(stderr).toContain('error: environment "production" is protected and was not confirmed');
      expect(stderr).toContain('--confirm production; --yes alone is not enough');
      expect(code).toBe(3);
    }
    expect((await project.run('migrate', '--env', 'production', '--confirm', 'staging')).code).toBe(3);
    // Protection does not depend on how the database was named.
    expect((await project.run('migrate', '--database-url', db.url)).code).toBe(3);
    expect(await objectsOf(db)).not.toContain('aisha_db');
    expect((await project.run('status', '--env', 'production')).code).toBe(0);
    expect((await project.run('migrate', '--env', 'production', '--dry-run')).code).toBe(0);
    expect((await project.run('migrate', '--env', 'production', '--confirm', 'production')).code).toBe(0);
    expect(await ledgerOf(db)).toHaveLength(1);
  });

  test('every other command that writes asks for that name as well', async ({ db }) => {
    const config = JSON.stringify({ environments: { production: { urlFrom: 'PRODUCTION_URL', protected: true } } });
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table a ()',
        'sql/002_b.sql': 'select 1',
        'sql/ROLLBACK_001_a.sql': 'drop table a',
        'sql/fixes/FIX_a.sql': 'delete from a',
        'aisha-db.config.json': config,
      },
      { env: { PRODUCTION_URL: db.url } },
    );
    await project.run('migrate', '--to', '1', '--env', 'production', '--confirm', 'production');
    await project.write({ 'sql/001_a.sql': '-- comment\ncreate table a ()' });
    const before = await db.superQuery('table aisha_db.migrations');
    for (const args of [['repair'], ['baseline', '--to', '2'], ['rollback', '1'], ['fix', 'a']]) {
      const { code, stderr } = await project.run(...args, '--env', 'production', '--yes');
      expect(stderr, args[0]).toContain('error: environment "production" is protected and was not confirmed');
      expect(code, args[0]).toBe(3);
    }
    expect(await db.superQuery('table aisha_db.migrations')).toEqual(before);
  });

  test('settings reach the files, and an environment adds to them', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql':
          "create table seen as select current_setting('aisha.seed') as seed, current_setting('aisha.tenant') as tenant, current_setting('work_mem') as mem",
        'sql/002_b.sql':
          "insert into seen select current_setting('aisha.seed'), current_setting('aisha.tenant'), 'second'",
        'aisha-db.config.json': JSON.stringify({
          settings: { 'aisha.seed': 'off', 'aisha.tenant': "O'Neill \\ sons", work_mem: '5MB' },
          environments: { dev: { urlFrom: 'DEV_URL', settings: { 'aisha.seed': 'on' } } },
        }),
      },
      { env: { DEV_URL: db.url } },
    );
    const { code, stderr } = await project.run('migrate', '--env', 'dev');
    expect(code, stderr).toBe(0);
    expect(await db.query('select * from seen order by mem')).toEqual([
      { seed: 'on', tenant: "O'Neill \\ sons", mem: '5MB' },
      { seed: 'on', tenant: "O'Neill \\ sons", mem: 'second' },
    ]);
  });

  test('the ledger may have any name, quoted ones included', async ({ db }) => {
    const ledger = { schema: 'Ops "tools"', table: 'Select' };
    const project = await makeProject(
      { 'sql/001_a.sql': 'select 1', 'aisha-db.config.json': JSON.stringify({ ledger }) },
      db,
    );
    expect((await project.run('migrate')).code).toBe(0);
    expect(await db.query('select file from "Ops ""tools"""."Select"')).toEqual([{ file: '001_a.sql' }]);
    expect((await project.run('status', '--check')).code).toBe(0);
  });
});

describe('what a header says', () => {
  test('Lock-Timeout and Statement-Timeout hold for their file alone', async ({ db }) => {
    const note = "insert into seen values (current_setting('lock_timeout'), current_setting('statement_timeout'))";
    const project = await makeProject(
      {
        'sql/001_a.sql': 'create table seen (lock text, statement text)',
        'sql/002_b.sql': `-- Lock-Timeout: 7s\n-- Statement-Timeout: 2min\n${note}`,
        'sql/003_c.sql': note,
      },
      db,
    );
    await project.run('migrate', '--lock-timeout', '3s', '--statement-timeout', '1h');
    expect(await db.query('select * from seen')).toEqual([
      { lock: '7s', statement: '2min' },
      { lock: '3s', statement: '1h' },
    ]);
  });

  test('Transaction: none runs statement by statement, and resumes there', async ({ db }) => {
    const project = await makeProject(
      { 'sql/001_a.sql': '-- Transaction: none\ncreate table a (id int);\ninsert into a values (1);\nselect 1 / 0;' },
      db,
    );
    const failed = await project.run('migrate');
    expect(failed.stderr).toContain('001_a.sql: division by zero at 001_a.sql:4:');
    expect(failed.stderr).toContain('2 of 3 statements ran and are recorded');
    expect(failed.code).toBe(8);
    await project.write({
      'sql/001_a.sql': '-- Transaction: none\ncreate table a (id int);\ninsert into a values (1);\nselect 1;',
    });
    expect((await project.run('migrate')).code).toBe(0);
    expect(await db.query('select id from a')).toEqual([{ id: 1 }]);
  });

  test('what contradicts the file is reported, and does not stop the run', async ({ db }) => {
    const project = await makeProject(
      {
        'sql/001_a.sql': '-- Migration: 001_b.sql\n-- Rollback: ROLLBACK_001_a.sql\nselect 1',
        'sql/002_b.sql': '-- Migration: 002_b\n-- Rollback: None\nselect 1',
        'sql/003_old.sql': 'select 1',
        'sql/20260424_x.sql': 'select 1',
      },
      db,
    );
    const { findings, exitCode } = await project.report('migrate');
    expect(findings.map((f: Record<string, string>) => `${f['object']} ${f['check']}`).sort()).toEqual([
      '001_a.sql header-name',
      '001_a.sql rollback-missing',
      '003_old.sql side-file',
      '20260424_x.sql mixed-numbers',
    ]);
    expect(exitCode).toBe(0);
    await project.write({ 'sql/20260425_e.sql': '' });
    expect((await project.report('migrate', '--fail-on', 'warning')).exitCode).toBe(1);
  });
});

test('an empty file and one of comments alone are recorded as applied, with a warning', async ({ db }) => {
  const project = await makeProject(
    { 'sql/001_empty.sql': '', 'sql/002_comment.sql': '-- later\n/* nothing */\n', 'sql/003_semicolons.sql': ';;;' },
    db,
  );
  const { data, findings } = await project.report('migrate');
  expect(statesOf({ data })).toEqual({
    '001_empty.sql': 'applied',
    '002_comment.sql': 'applied',
    '003_semicolons.sql': 'applied',
  });
  expect(findings.map((f: Record<string, string>) => f['check'])).toEqual(['empty-file', 'empty-file', 'empty-file']);
  expect((await project.run('status', '--check')).code).toBe(0);
});

test('notices are shown as they come; --quiet is quiet', async ({ db }) => {
  const project = await makeProject(
    {
      'sql/001_a.sql': "do $$ begin raise notice 'three rows moved'; end $$",
      'sql/002_b.sql': "do $$ begin raise notice 'unheard'; raise warning 'disk is nearly full'; end $$",
    },
    db,
  );
  const { stderr } = await project.run('migrate', '--to', '1');
  expect(stderr).toContain('notice: three rows moved\n');
  const quiet = await project.run('migrate', '--quiet');
  expect(quiet.stderr).toBe('warning: disk is nearly full\n');
});

test('psql input works as in psql: COPY data, variables, includes, \\restrict', async ({ db }) => {
  const project = await makeProject(
    {
      'sql/001_a.sql': [
        '\\restrict abc',
        "\\set name 'O''Neill'",
        'create table a (id int, name text);',
        'COPY a FROM stdin;',
        '1\tfirst',
        '2\t\\N',
        '\\.',
        "insert into a values (3, :'name');",
        '\\ir parts/more.sql',
        '\\echo loaded',
        '\\unrestrict abc',
      ].join('\n'),
      'sql/parts/more.sql': "insert into a values (4, 'included');",
    },
    db,
  );
  const { code, stderr } = await project.run('migrate');
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('loaded\n');
  expect(await db.query('select * from a order by id')).toEqual([
    { id: 1, name: 'first' },
    { id: 2, name: null },
    { id: 3, name: "O'Neill" },
    { id: 4, name: 'included' },
  ]);
  await project.write({ 'sql/parts/more.sql': "insert into a values (4, 'changed');" });
  expect((await project.run('status')).code).toBe(5);
});

test('a failing file shows its place, the line and the SQLSTATE; files behind it are not run', async ({ db }) => {
  const project = await makeProject(
    {
      'sql/001_a.sql': 'create table a (id int)',
      'sql/002_b.sql': "-- second\ncreate table b (id int);\ninsert into a (id, nam) values (1, 'x');\n",
      'sql/003_c.sql': 'create table c (id int)',
    },
    db,
  );
  const { code, stderr, stdout } = await project.run('migrate');
  expect(code).toBe(7);
  expect(stderr.slice(stderr.indexOf('error:'))).toMatchInlineSnapshot(`
    "error: 002_b.sql: column "nam" of relation "a" does not exist at 002_b.sql:3:20
      002_b.sql:3:20
      3 | insert into a (id, nam) values (1, 'x');
        |                    ^
      SQLSTATE 42703
    hint: Nothing of this file remains. Mend it and run again.
    "
  `);
  expect(stdout).toMatch(/^not-run {2}forward {2}003_c\.sql/m);
  expect(await ledgerOf(db)).toEqual([{ file: '001_a.sql', state: 'applied' }]);
  expect(await objectsOf(db)).not.toContain('public.b');
  expect(await advisoryLocks(db)).toBe(0);
});
