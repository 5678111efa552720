import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checksum } from '../../src/migrations/checksum.ts';
import { isFolder, readFolder } from '../../src/migrations/files.ts';
import { makeFolder } from '../support/folder.ts';

function found(dir: string): string[] {
  return readFolder(dir, 900)
    .files.map((f) => f.name.file)
    .sort();
}

const oneByOne = (dir: string) => new Map(readFolder(dir, 900).files.map((f) => [f.name.file, f]));

test('every .sql file is found, with the checksum of its content, and nothing else', async () => {
  const dir = await makeFolder({
    '001_a.sql': 'select 1;',
    '002_B.SQL': 'select 2;',
    '003_empty.sql': '',
    '.004_hidden.sql': '',
    'FIX_x.sql': '',
    'fixes/FIX_y.sql': '',
    'a/b/c/005_deep.sql': '',
    '.git/006_x.sql': '',
    'node_modules/p/007_x.sql': '',
    '001_a.sql.bak': '',
    '001_a.sql~': '',
    '001_a.txt': '',
    sql: '',
    'empty.sql/': '',
  });
  expect(found(dir)).toEqual([
    '.004_hidden.sql',
    '.git/006_x.sql',
    '001_a.sql',
    '002_B.SQL',
    '003_empty.sql',
    'FIX_x.sql',
    'a/b/c/005_deep.sql',
    'fixes/FIX_y.sql',
  ]);
  expect(oneByOne(dir).get('001_a.sql')).toMatchObject({
    checksum: checksum(Buffer.from('select 1;')),
    unreadable: undefined,
  });
});

test('an empty folder is one without files', async () => {
  expect(found(await makeFolder())).toEqual([]);
});

test.each([
  '012_it\'s; "q" $x$ %s.sql',
  '012_a\nb\t.sql',
  '012_имя 名前 😀.sql',
  '012_\\i x.sql',
  '012_-- x.sql',
  ' 012.sql',
  '012_é.sql',
])('a name such as %j is one like any other', async (name) => {
  const dir = await makeFolder({ [name]: 'select 1;' });
  const folder = readFolder(dir, 900);
  expect(folder.files).toMatchObject([{ name: { file: name }, checksum: checksum(Buffer.from('select 1;')) }]);
  expect(Buffer.from(folder.read(name)).toString()).toBe('select 1;');
});

test('names that differ only in how accents are stored, or in case, are two files', async () => {
  const dir = await makeFolder({ '012_\u00e9.sql': '1', '012_e\u0301.sql': '2', '012_A.sql': '3', '012_a.sql': '4' });
  expect(new Set(readFolder(dir, 900).files.map((f) => f.checksum)).size).toBe(4);
});

test('a name that is no UTF-8 is shown with its bytes, and the file can be read', async () => {
  const dir = await makeFolder();
  const at = (...parts: Buffer[]) => Buffer.concat([Buffer.from(`${dir}/`), ...parts]);
  writeFileSync(at(Buffer.from('012_caf'), Buffer.from([0xe9]), Buffer.from('.sql')), 'select 1;');
  mkdirSync(at(Buffer.from([0xff])));
  writeFileSync(at(Buffer.from([0xff]), Buffer.from('/013_x.sql')), 'select 2;');
  const folder = readFolder(dir, 900);
  expect(found(dir)).toEqual(['012_caf\\xE9.sql', '\\xFF/013_x.sql']);
  expect(folder.files.every((f) => f.unreadable === undefined)).toBe(true);
  expect(Buffer.from(folder.read('012_caf\\xE9.sql')).toString()).toBe('select 1;');
  expect(Buffer.from(folder.read('\\xFF/013_x.sql')).toString()).toBe('select 2;');
});

test('a name whose letters stand for a byte of another one is refused: neither is left out', async () => {
  const dir = await makeFolder({ '012_\\xE9.sql': 'select 1;' });
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/012_`), Buffer.from([0xe9]), Buffer.from('.sql')]), 'select 2;');
  const message = 'two files would be called 012_\\xE9.sql: one by its letters, one by a byte that is no UTF-8';
  expect(() => readFolder(dir, 900)).toThrow(expect.objectContaining({ kind: 'usage', message }));
});

describe('links', () => {
  test('a link to a file is that file under its own name', async () => {
    const dir = await makeFolder({ '001_a.sql': 'select 1;', 'shared/a.txt': 'select 2;' });
    await symlink('shared/a.txt', join(dir, '002_b.sql'));
    expect(oneByOne(dir).get('002_b.sql')?.checksum).toBe(checksum(Buffer.from('select 2;')));
  });

  test('one that leads nowhere, or in a circle, or to a folder, is listed with the reason', async () => {
    const dir = await makeFolder({ 'folder/001_a.sql': '' });
    await symlink('gone.sql', join(dir, '001_gone.sql'));
    await symlink('002_loop.sql', join(dir, '002_loop.sql'));
    await symlink('folder', join(dir, '003_folder.sql'));
    const files = oneByOne(dir);
    expect(
      ['001_gone.sql', '002_loop.sql', '003_folder.sql'].map((f) => [files.get(f)?.checksum, files.get(f)?.unreadable]),
    ).toEqual([
      [undefined, 'no such file'],
      [undefined, 'a circle of links'],
      [undefined, 'not a file'],
    ]);
  });

  test('a link to a folder is not followed', async () => {
    const dir = await makeFolder({ 'real/001_a.sql': '' });
    await symlink('real', join(dir, 'again'));
    await symlink('..', join(dir, 'real/up'));
    expect(found(dir)).toEqual(['real/001_a.sql']);
  });
});

test('a pipe is listed with the reason; nobody waits for it', async () => {
  const dir = await makeFolder();
  execFileSync('mkfifo', [join(dir, '001_pipe.sql')]);
  expect(oneByOne(dir).get('001_pipe.sql')).toMatchObject({ checksum: undefined, unreadable: 'not a file' });
});

test('what was found unreadable is not read later either, nor included: nobody waits for a pipe', async () => {
  const dir = await makeFolder({ '002_b.sql': '\\i pipe.txt\n', '003_c.sql': '\\i folder\n', 'folder/': '' });
  execFileSync('mkfifo', [join(dir, '001_pipe.sql')]);
  execFileSync('mkfifo', [join(dir, 'pipe.txt')]);
  const folder = readFolder(dir, 900);
  expect(() => folder.read('001_pipe.sql')).toThrow(
    expect.objectContaining({ kind: 'usage', message: '001_pipe.sql cannot be read: not a file' }),
  );
  expect(folder.include('pipe.txt', '002_b.sql', false)).toEqual({ problem: 'cannot include pipe.txt: not a file' });
  expect(folder.include('folder', '003_c.sql', false)).toEqual({ problem: 'cannot include folder: not a file' });
});

test('a file that may not be read is listed with the reason', async () => {
  const dir = await makeFolder({ '001_a.sql': '', '002_b.sql': '' });
  chmodSync(dir, 0o755);
  chmodSync(join(dir, '001_a.sql'), 0);
  const files = asOrdinaryUser(() => oneByOne(dir));
  expect(files.get('001_a.sql')).toMatchObject({ checksum: undefined, unreadable: 'permission denied' });
  expect(files.get('002_b.sql')).toMatchObject({ unreadable: undefined });
});

test('a sub-folder that may not be listed is an error: what is in it cannot be accounted for', async () => {
  const dir = await makeFolder({ 'closed/001_a.sql': '' });
  chmodSync(dir, 0o755);
  chmodSync(join(dir, 'closed'), 0);
  const message = `cannot list ${dir}/closed: permission denied`;
  expect(() => asOrdinaryUser(() => oneByOne(dir))).toThrow(expect.objectContaining({ kind: 'usage', message }));
});

/** Permissions do not bind root. */
function asOrdinaryUser<T>(run: () => T): T {
  if (process.geteuid?.() !== 0) return run();
  process.seteuid?.(65_534);
  try {
    return run();
  } finally {
    process.seteuid?.(0);
  }
}

test('a folder that is not there, and a file in place of a folder, are told apart', async () => {
  const dir = await makeFolder({ 'a.sql': '' });
  expect(() => readFolder(join(dir, 'none'), 900)).toThrow(
    expect.objectContaining({ kind: 'usage', message: `no such folder: ${dir}/none` }),
  );
  expect(() => readFolder(join(dir, 'a.sql'), 900)).toThrow(
    expect.objectContaining({ kind: 'usage', message: expect.stringContaining('cannot list') }),
  );
  expect([isFolder(dir), isFolder(join(dir, 'none')), isFolder(join(dir, 'a.sql'))]).toEqual([true, false, false]);
});

describe('a file that includes others', () => {
  const sum = async (files: Record<string, string>) => oneByOne(await makeFolder(files)).get('001_a.sql')?.checksum;

  test('changes when one of them changes', async () => {
    const before = await sum({ '001_a.sql': '\\ir b.txt\n', 'b.txt': '\\ir c.txt', 'c.txt': 'select 1;' });
    const after = await sum({ '001_a.sql': '\\ir b.txt\n', 'b.txt': '\\ir c.txt', 'c.txt': 'select 2;' });
    const crlf = await sum({ '001_a.sql': '\\ir b.txt\r\n', 'b.txt': '\\ir c.txt', 'c.txt': 'select 1;' });
    expect(after).not.toBe(before);
    expect(crlf).toBe(before);
  });

  test('a text that only looks like it is known by itself', async () => {
    const text = "select 'c:\\ir b.txt';";
    expect(await sum({ '001_a.sql': text })).toBe(checksum(Buffer.from(text)));
  });
});
