/** @module-tag since-13 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { linkIn } from '../support/folder.ts';
import { runAsOrdinaryUser } from '../support/ordinary-user.ts';
import { initGit, ledgerOf, makeProject } from './project.ts';

const sqlOf = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');

describe('new', () => {
  test('writes the next number with the header filled in, author from git, and its partner', async () => {
    const project = await makeProject({
      'sql/051_task_types.sql': 'select 1',
      'sql/052_due_dates.sql': 'select 1',
      'sql/999_final.sql': 'select 1',
      'rollbacks/': '',
    });
    initGit(project.dir, 'Aïsha O’Brien', 'aisha@example.com');
    const { code, stdout } = await project.run('new', 'Add Tâsk-management!', '--rollback');
    expect(stdout).toBe('wrote sql/053_add_task_management.sql and rollbacks/ROLLBACK_053_add_task_management.sql\n');
    expect(code).toBe(0);
    const today = /^-- Date: \d{4}-\d\d-\d\d$/m;
    const migration = sqlOf(project.dir, 'sql/053_add_task_management.sql');
    expect(migration).toMatch(today);
    expect(migration.replace(today, '-- Date: TODAY')).toMatchInlineSnapshot(`
      "-- ============================================
      -- Migration: 053_add_task_management.sql
      -- Description: Add task management
      -- Date: TODAY
      -- Author: Aïsha O’Brien <aisha@example.com>
      -- Dependencies: 052_due_dates.sql
      -- Rollback: ROLLBACK_053_add_task_management.sql
      -- ============================================
      --
      -- Breaking Changes:
      -- - None
      --
      -- New Tables:
      -- - None
      --
      -- Modified Tables:
      -- - None
      --
      -- Indexes Added:
      -- - None

      "
    `);
    const undo = sqlOf(project.dir, 'rollbacks/ROLLBACK_053_add_task_management.sql');
    expect(undo.replace(today, '-- Date: TODAY')).toMatchInlineSnapshot(`
      "-- ============================================
      -- Migration: ROLLBACK_053_add_task_management.sql
      -- Description: Undo: Add task management
      -- Date: TODAY
      -- Author: Aïsha O’Brien <aisha@example.com>
      -- Reverts: 053_add_task_management.sql
      -- ============================================

      "
    `);
    const { findings, exitCode } = await project.report('validate');
    expect(exitCode).toBe(0);
    expect(findings.map((f: { check: string }) => f.check)).toEqual(['empty-file']);
  });

  test('begins with 001 in a folder that is not there yet; without git the author can be given', async () => {
    const project = await makeProject({});
    const options = ['--dir', 'db/migrations', '--author', 'Somebody'];
    expect((await project.run('new', 'init', ...options)).stdout).toBe('wrote db/migrations/001_init.sql\n');
    const text = sqlOf(project.dir, 'db/migrations/001_init.sql');
    expect(text).toContain('-- Author: Somebody\n');
    expect(text).toContain('-- Dependencies: None\n-- Rollback: None\n');
    expect((await project.run('new', 'second.sql', ...options, '--rollback')).stdout).toBe(
      'wrote db/migrations/002_second.sql and db/migrations/ROLLBACK_002_second.sql\n',
    );
  });

  test('keeps the padding, and steps over the final phase', async () => {
    const project = await makeProject({ 'sql/0041_wide.sql': 'select 1', 'sql/5_narrow.sql': 'select 1' });
    expect((await project.run('new', 'next')).stdout).toBe('wrote sql/0042_next.sql\n');
    const full = await makeProject({ 'sql/899_last.sql': 'select 1' });
    expect((await full.run('new', 'next')).stdout).toBe('wrote sql/1000_next.sql\n');
    const { data } = await full.report('validate');
    expect(data.files).toBe(2);
  });

  test('refuses a name that says nothing, and a folder it may not write to', async () => {
    const project = await makeProject({});
    const nothing = await project.run('new', '!!!');
    expect(nothing.stderr).toContain('error: "!!!" is no name for a migration');
    expect(nothing.code).toBe(2);
    const { code, stderr } = await runAsOrdinaryUser(['new', 'x', '--dir', '/nowhere/sql'], { cwd: '/' });
    expect(stderr).toContain('permission denied');
    expect(stderr).not.toContain('defect');
    expect(code).toBe(2);
  });
});

describe('renumber', () => {
  const FILES = {
    'sql/001_a.sql': 'select 1;',
    'sql/002_tasks.sql': "-- Migration: 002_tasks.sql\n-- Rollback: ROLLBACK_002_tasks.sql\nselect '002_tasks.sql';",
    'sql/002_users.sql': 'select 1;',
    'sql/003_uses.sql': '-- Dependencies:\n-- - 002_tasks.sql\n-- - 002_users\nselect 1;',
    'rollbacks/ROLLBACK_002_tasks.sql': '-- Reverts: 002_tasks.sql\nselect 1;',
  };

  test('moves a pending file, its rollback and every header that names it; SQL is left alone', async ({ db }) => {
    const project = await makeProject(FILES, db);
    const dry = await project.run('renumber', '002_tasks.sql', '--dry-run');
    expect(dry.stdout).toMatchInlineSnapshot(`
      "nothing was written

      file                    becomes                 change
      ----------------------  ----------------------  -------
      002_tasks.sql           004_tasks.sql           renamed
      003_uses.sql            003_uses.sql            header
      ROLLBACK_002_tasks.sql  ROLLBACK_004_tasks.sql  renamed
      "
    `);
    expect(readdirSync(join(project.dir, 'sql'))).toContain('002_tasks.sql');
    const { code, stdout } = await project.run('renumber', '002_tasks.sql');
    expect(stdout).toMatch(/^002_tasks\.sql is now 004_tasks\.sql$/m);
    expect(code).toBe(0);
    expect(readdirSync(join(project.dir, 'sql'))).toEqual([
      '001_a.sql',
      '002_users.sql',
      '003_uses.sql',
      '004_tasks.sql',
    ]);
    expect(sqlOf(project.dir, 'sql/004_tasks.sql')).toBe(
      "-- Migration: 004_tasks.sql\n-- Rollback: ROLLBACK_004_tasks.sql\nselect '002_tasks.sql';",
    );
    expect(sqlOf(project.dir, 'sql/003_uses.sql')).toBe(
      '-- Dependencies:\n-- - 004_tasks.sql\n-- - 002_users\nselect 1;',
    );
    expect(sqlOf(project.dir, 'rollbacks/ROLLBACK_004_tasks.sql')).toBe('-- Reverts: 004_tasks.sql\nselect 1;');
    expect(existsSync(join(project.dir, 'rollbacks/ROLLBACK_002_tasks.sql'))).toBe(false);
  });

  test('takes along every part of its rollback, and none of a migration whose name begins like its own', async () => {
    const project = await makeProject({
      'sql/001_add.sql': 'select 1',
      'sql/001_add_more.sql': 'select 1',
      'sql/ROLLBACK_001_add.sql': 'select 1',
      'sql/ROLLBACK_001_add_part2.sql': 'select 1',
      'sql/ROLLBACK_001_add_more.sql': 'select 1',
    });
    expect((await project.run('renumber', '001_add.sql', '--offline')).code).toBe(0);
    expect(readdirSync(join(project.dir, 'sql'))).toEqual([
      '001_add_more.sql',
      '002_add.sql',
      'ROLLBACK_001_add_more.sql',
      'ROLLBACK_002_add.sql',
      'ROLLBACK_002_add_part2.sql',
    ]);
  });

  test('mends what migrate refused', async ({ db }) => {
    const project = await makeProject({ 'sql/001_a.sql': 'select 1', 'sql/002_b.sql': 'select 2' }, db);
    await project.run('migrate');
    await project.write({ 'sql/002_newcomer.sql': 'select 3' });
    expect((await project.run('migrate')).code).toBe(4);
    expect((await project.run('renumber', '002_newcomer.sql')).code).toBe(0);
    expect((await project.run('migrate')).code).toBe(0);
    expect((await ledgerOf(db)).map((row) => row.file)).toEqual(['001_a.sql', '002_b.sql', '003_newcomer.sql']);
  });

  test('an applied file keeps its name, and so does one that an applied file mentions', async ({ db }) => {
    const project = await makeProject(FILES, db);
    await project.run('migrate');
    const { code, stderr } = await project.run('renumber', '002_tasks.sql');
    expect(stderr).toContain('002_tasks.sql, 003_uses.sql: applied already');
    expect(code).toBe(4);
    expect((await project.run('rollback', '002_tasks.sql', '--yes', '--ignore-dependents')).code).toBe(0);
    expect((await project.run('renumber', '002_tasks.sql')).stderr).toContain('003_uses.sql: applied already');
    expect(readdirSync(join(project.dir, 'sql'))).toContain('002_tasks.sql');
  });

  test('--offline asks no database; the number may be given, if it is free', async () => {
    const project = await makeProject(FILES);
    const noDatabase = await project.run('renumber', '002_tasks.sql');
    expect(noDatabase.stderr).toContain('no database is named');
    expect(noDatabase.code).toBe(2);
    const taken = await project.run('renumber', '002_tasks.sql', '--offline', '--number', '1');
    expect(taken.stderr).toContain('number 1 is taken by 001_a.sql');
    expect(taken.code).toBe(2);
    expect((await project.run('renumber', '002_tasks.sql', '--offline', '--number', '060')).code).toBe(0);
    expect(existsSync(join(project.dir, 'sql/060_tasks.sql'))).toBe(true);
  });

  test('what is no numbered file is refused', async () => {
    const project = await makeProject({
      ...FILES,
      'sql/notes.sql': '',
      'sql/sub/001_x.sql': '',
      'sql/ROLLBACK_001_a.sql': '',
    });
    for (const file of ['004_none.sql', 'notes.sql', 'sub/001_x.sql', 'ROLLBACK_001_a.sql', '../x.sql']) {
      const { code, stderr } = await project.run('renumber', file, '--offline');
      expect(stderr).toContain(`${file} is no numbered file of the folder`);
      expect(code).toBe(2);
    }
    for (const number of ['abc', '../7', '1e3', '']) {
      const { code, stderr } = await project.run('renumber', '001_a.sql', '--offline', '--number', number);
      expect(stderr).toMatch(/is no number|needs a value/);
      expect(code).toBe(2);
    }
  });

  test('files beside it that cannot be read, or are in another encoding, are left as they are', async () => {
    const latin1 = Buffer.from('-- Author: Zo\xeb\n-- Dependencies: 001_a.sql\nselect 1;', 'latin1');
    const project = await makeProject({ 'sql/001_a.sql': 'select 1;', 'sql/002_b.sql': latin1 });
    await linkIn(project.dir, 'sql/003_dangling.sql', 'nowhere');
    const { code, stderr } = await project.run('renumber', '001_a.sql', '--offline', '--number', '004');
    expect(code, stderr).toBe(0);
    const changed = readFileSync(join(project.dir, 'sql/002_b.sql'));
    expect(changed).toEqual(Buffer.from(latin1.toString('latin1').replace('001_a', '004_a'), 'latin1'));
  });
});
