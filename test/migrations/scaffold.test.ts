import { readdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkScripts } from '../../src/migrations/check-scripts.ts';
import { readFolder } from '../../src/migrations/files.ts';
import { parseHeader } from '../../src/migrations/header.ts';
import type { MigrationSource } from '../../src/migrations/open.ts';
import { renumber, scaffold } from '../../src/migrations/scaffold.ts';
import { prepareScript } from '../../src/migrations/script.ts';
import { type Files, linkIn, makeFolder } from '../support/folder.ts';

function sourceIn(root: string): MigrationSource {
  return {
    dir: join(root, 'sql'),
    rollbacksDir: join(root, 'rollbacks'),
    finalFrom: 900,
    ledger: { schema: 'aisha_db', table: 'migrations' },
  };
}

async function project(files: Files): Promise<MigrationSource> {
  return sourceIn(await makeFolder(files));
}

const list = (dir: string) => readdirSync(dir).sort();
const text = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');

/** Every file below the project with its bytes. */
function everything({ dir, rollbacksDir }: MigrationSource): string[] {
  return [dir, rollbacksDir].flatMap((d) => list(d).map((file) => `${file}: ${readFileSync(join(d, file), 'latin1')}`));
}

function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a new migration', () => {
  const OPTIONS = {
    name: 'Add task management',
    rollback: true,
    author: "O'Brien <o@example.org>",
    date: '2026-04-24',
    dependsOn: undefined,
  };

  test('gets the next number, the header filled in, and its partner', async () => {
    const source = await project({
      'sql/001_init.sql': '',
      'sql/012_b.sql': '',
      'sql/012_a.sql': '',
      'sql/999_z.sql': '',
    });
    const written = await scaffold(source, OPTIONS);
    expect(written).toEqual([
      join(source.dir, '013_add_task_management.sql'),
      join(source.rollbacksDir, 'ROLLBACK_013_add_task_management.sql'),
    ]);
    const migration = text(source.dir, '013_add_task_management.sql');
    expect(migration).toMatch(
      /^-- =+\n-- Migration: 013_add_task_management\.sql\n-- Description: Add task management\n-- Date: 2026-04-24\n-- Author: O'Brien <o@example\.org>\n-- Dependencies: 012_b\.sql\n-- Rollback: ROLLBACK_013_add_task_management\.sql\n/,
    );
    expect(text(source.rollbacksDir, 'ROLLBACK_013_add_task_management.sql')).toContain(
      '-- Reverts: 013_add_task_management.sql\n',
    );
    expect(parseHeader(Buffer.from(migration)).problems).toEqual([]);
  });

  test('passes its own checks, but for being empty', async () => {
    const source = await project({ 'sql/001_init.sql': '' });
    await scaffold(source, OPTIONS);
    const folder = readFolder(source.dir, 900);
    const script = await prepareScript(
      '002_add_task_management.sql',
      folder.read('002_add_task_management.sql'),
      folder.include,
      () => Promise.reject(new Error()),
    );
    const known = { migrations: folder.files.map((f) => f.name), rollbacks: new Set(list(source.rollbacksDir)) };
    expect(checkScripts([script], known, 900)).toMatchObject({ problems: [], warnings: [{ check: 'empty-file' }] });
  });

  test('makes the folders it needs, and begins with 001', async () => {
    const source = await project({});
    await scaffold(source, { ...OPTIONS, rollback: false });
    expect(list(source.dir)).toEqual(['001_add_task_management.sql']);
    expect(text(source.dir, '001_add_task_management.sql')).toMatch(/Dependencies: None\n-- Rollback: None\n/);
    await scaffold(source, OPTIONS);
    expect(list(source.rollbacksDir)).toEqual(['ROLLBACK_002_add_task_management.sql']);
  });

  test.each([
    ['add-tasks.sql', 'add_tasks'],
    ['  Ajouter été & "Noël"; ', 'ajouter_ete_noel'],
    ['../../etc/passwd', 'etc_passwd'],
    ["x'; drop table t; --", 'x_drop_table_t'],
    ['ﬁx 2024', 'fix_2024'],
  ])('%j becomes a plain name', async (name, slug) => {
    const source = await project({});
    expect(await scaffold(source, { ...OPTIONS, name, rollback: false })).toEqual([
      join(source.dir, `001_${slug}.sql`),
    ]);
  });

  test.each(['', '  ', '...', '名前', '.sql'])('%j is no name', async (name) => {
    const source = await project({ 'sql/': '' });
    await expect(scaffold(source, { ...OPTIONS, name })).rejects.toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(list(source.dir)).toEqual([]);
  });

  test('padding and kind of number are those in use', async () => {
    expect(await scaffold(await project({ 'sql/0099_a.sql': '' }), { ...OPTIONS, name: 'x', rollback: false })).toEqual(
      [expect.stringMatching(/\/0100_x\.sql$/)],
    );
    const dated = await project({ 'sql/20260424101500_a.sql': '' });
    await scaffold(dated, { ...OPTIONS, name: 'x', rollback: false });
    expect(text(dated.dir, '20260424101501_x.sql')).toContain('-- Dependencies: 20260424101500_a.sql\n');
  });

  test('hostile names and authors stay in the comment', async () => {
    const source = await project({ 'sql/001_a\ndrop table t;, b.sql': '' });
    await scaffold(source, { ...OPTIONS, name: 'x', author: 'a\ndrop table t;', rollback: true });
    for (const written of [text(source.dir, '002_x.sql'), text(source.rollbacksDir, 'ROLLBACK_002_x.sql')])
      for (const line of written.split('\n')) expect(line).toMatch(/^(--|$)/);
    expect(text(source.dir, '002_x.sql')).toContain('-- Dependencies: 001\n');
  });

  test('an existing file is never written over', async () => {
    const source = await project({ 'sql/001_a.sql': '' });
    await linkIn(source.dir, '../rollbacks/ROLLBACK_002_x.sql', 'nowhere');
    await expect(scaffold(source, { ...OPTIONS, name: 'x' })).rejects.toThrow(
      expect.objectContaining({ kind: 'usage', message: expect.stringContaining('exists already') }),
    );
    expect(list(source.dir)).toEqual(['001_a.sql']);
  });
});

describe('renumber', () => {
  const BODY = "select '012_b.sql', '012_b', 'ROLLBACK_012_b.sql'; -- Dependencies: 012_b.sql\n";
  const HEADER =
    '-- Migration: 012_b.sql\n-- Description: follows 012_a.sql; not 1012_b.sql\n-- Rollback: ROLLBACK_012_b.sql\n';
  const FILES: Files = {
    'sql/001_init.sql': '-- Migration: 001_init.sql\nselect 1;',
    'sql/012_a.sql': '',
    'sql/012_b.sql': HEADER + BODY,
    'sql/013_c.sql': `-- Dependencies: 012_b.sql (tasks), 012_a.sql, 012_bb.sql\n${BODY}`,
    'sql/014_d.sql': `-- Dependencies:\n-- - 012_b\n-- - 012_b-2\n-- - x012_b\n-- Modified Tables:\n-- - 012_b\n${BODY}`,
    'sql/1012_b.sql': `-- Migration: 1012_b.sql\n${BODY}`,
    'rollbacks/ROLLBACK_012_b.sql': '-- Migration: ROLLBACK_012_b.sql\n-- Reverts: 012_b.sql\nselect 2;',
    'rollbacks/ROLLBACK_012_a.sql': '-- Reverts: 012_a.sql\n',
  };

  test('renames the file and its rollback, corrects headers and dependants, and leaves the SQL alone', async () => {
    const source = await project(FILES);
    const changes = renumber(source, '012_b.sql', '053', false);
    expect(changes.toSorted((a, b) => (a.from < b.from ? -1 : 1))).toEqual([
      { from: '012_b.sql', to: '053_b.sql', renamed: true },
      { from: '013_c.sql', to: '013_c.sql', renamed: false },
      { from: '014_d.sql', to: '014_d.sql', renamed: false },
      { from: 'ROLLBACK_012_b.sql', to: 'ROLLBACK_053_b.sql', renamed: true },
    ]);
    expect(list(source.dir)).toEqual([
      '001_init.sql',
      '012_a.sql',
      '013_c.sql',
      '014_d.sql',
      '053_b.sql',
      '1012_b.sql',
    ]);
    expect(list(source.rollbacksDir)).toEqual(['ROLLBACK_012_a.sql', 'ROLLBACK_053_b.sql']);
    expect(text(source.dir, '053_b.sql')).toBe(
      `-- Migration: 053_b.sql\n-- Description: follows 012_a.sql; not 1012_b.sql\n-- Rollback: ROLLBACK_053_b.sql\n${BODY}`,
    );
    expect(text(source.dir, '013_c.sql')).toBe(`-- Dependencies: 053_b.sql (tasks), 012_a.sql, 012_bb.sql\n${BODY}`);
    expect(text(source.dir, '014_d.sql')).toBe(
      `-- Dependencies:\n-- - 053_b\n-- - 012_b-2\n-- - x012_b\n-- Modified Tables:\n-- - 012_b\n${BODY}`,
    );
    expect(text(source.rollbacksDir, 'ROLLBACK_053_b.sql')).toBe(
      '-- Migration: ROLLBACK_053_b.sql\n-- Reverts: 053_b.sql\nselect 2;',
    );
  });

  test('takes the next free number when none is given', async () => {
    expect(renumber(await project(FILES), '012_b.sql', undefined, true)).toContainEqual({
      from: '012_b.sql',
      to: '1013_b.sql',
      renamed: true,
    });
  });

  test('a dependant that gives the number alone follows, unless others carry it too', async () => {
    const dependant = '-- Dependencies: 011, 012 (tasks)\n-- - 012\n-- - PostgreSQL 012\nselect 012;\n';
    const single = await project({ 'sql/012_b.sql': '', 'sql/013_c.sql': dependant });
    renumber(single, '012_b.sql', '010', false);
    expect(text(single.dir, '013_c.sql')).toBe(
      '-- Dependencies: 011, 010 (tasks)\n-- - 010\n-- - PostgreSQL 012\nselect 012;\n',
    );
    const shared = await project({ 'sql/012_a.sql': '', 'sql/012_b.sql': '', 'sql/013_c.sql': dependant });
    renumber(shared, '012_b.sql', '010', false);
    expect(text(shared.dir, '013_c.sql')).toBe(dependant);
  });

  test('a dry run writes nothing and says the same', async () => {
    const source = await project(FILES);
    const before = everything(source);
    const planned = renumber(source, '012_b.sql', '053', true);
    expect(everything(source)).toEqual(before);
    expect(renumber(source, '012_b.sql', '053', false)).toEqual(planned);
  });

  test.each([
    ['012_x.sql', '053', '012_x.sql is no numbered file'],
    ['ROLLBACK_001_a.sql', '053', 'no numbered file'],
    ['FIX_a.sql', '053', 'no numbered file'],
    ['012_b.sql', 'x', '"x" is no number'],
    ['012_b.sql', '', '"" is no number'],
    ['012_b.sql', '../053', '"../053" is no number'],
    ['012_b.sql', '053_x', '"053_x" is no number'],
    ['012_b.sql', '053 ', '"053 " is no number'],
    ['012_b.sql', '2025-13-40', '"2025-13-40" is no number'],
    ['012_b.sql', '99999999999999999999', 'is no number'],
    ['012_b.sql', '013', 'number 013 is taken by 013_c.sql'],
    ['012_b.sql', '13', 'number 13 is taken by 013_c.sql'],
    ['012_b.sql', '012', 'number 012 is taken by 012_a.sql'],
  ])('%s to %j is refused; nothing is written', async (file, number, message) => {
    const source = await project({ ...FILES, 'sql/FIX_a.sql': '', 'sql/ROLLBACK_001_a.sql': '' });
    const before = everything(source);
    expect(refusal(() => renumber(source, file, number, false))).toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(message),
    });
    expect(everything(source)).toEqual(before);
  });

  test('an existing target is refused before anything is written', async () => {
    const source = await project({ ...FILES, 'rollbacks/ROLLBACK_053_b.sql': 'mine' });
    const before = everything(source);
    expect(refusal(() => renumber(source, '012_b.sql', '053', false))).toMatchObject({
      kind: 'usage',
      message: 'ROLLBACK_053_b.sql exists already',
    });
    expect(everything(source)).toEqual(before);
  });

  test('a file that is alone in its number may be padded anew', async () => {
    const source = await project({ 'sql/12_b.sql': '-- Migration: 12_b.sql\n', 'rollbacks/': '' });
    renumber(source, '12_b.sql', '012', false);
    expect(everything(source)).toEqual(['012_b.sql: -- Migration: 012_b.sql\n']);
  });

  test('letters, dates and hostile names', async () => {
    const name = "155a_it's $& $1; é.sql";
    const source = await project({
      [`sql/${name}`]: `-- Migration: ${name}\nselect 1;`,
      'sql/2025-12-17_x.sql': '-- Dependencies: 2025-12-17\n',
      'rollbacks/': '',
    });
    renumber(source, name, '2026-01-01', false);
    expect(text(source.dir, `2026-01-01${name.slice(4)}`)).toBe(`-- Migration: 2026-01-01${name.slice(4)}\nselect 1;`);
    renumber(source, '2025-12-17_x.sql', '007b', false);
    expect(list(source.dir)).toEqual(['007b_x.sql', `2026-01-01${name.slice(4)}`]);
  });

  test('bytes that are no UTF-8, CRLF and byte order mark are kept', async () => {
    const body = Buffer.concat([Buffer.from("select '"), Buffer.from([0xe9, 0x00, 0xff]), Buffer.from("';\r\n")]);
    const source = await project({
      'sql/012_b.sql': Buffer.concat([Buffer.from('\uFEFF-- Migration: 012_b.sql\r\n-- Author: é\r\n'), body]),
      'rollbacks/': '',
    });
    renumber(source, '012_b.sql', '053', false);
    expect(readFileSync(join(source.dir, '053_b.sql'))).toEqual(
      Buffer.concat([Buffer.from('\uFEFF-- Migration: 053_b.sql\r\n-- Author: é\r\n'), body]),
    );
  });

  test('a broken link beside it does not matter', async () => {
    const source = await project({ 'sql/012_b.sql': '', 'rollbacks/': '' });
    await symlink('gone.sql', join(source.dir, '013_c.sql'));
    expect(renumber(source, '012_b.sql', '053', false)).toHaveLength(1);
  });
});
