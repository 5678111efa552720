import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDotenv, withDotenv } from '../src/dotenv.ts';
import { makeFolder } from './support/folder.ts';

describe('parseDotenv', () => {
  test.each([
    ['plain value', 'A=1', { A: '1' }],
    ['value that holds =', 'A=postgres://h/d?x=y', { A: 'postgres://h/d?x=y' }],
    ['export prefix', 'export A=1', { A: '1' }],
    ['comments', '# A=0\nA=1 # one', { A: '1' }],
    ['# in quotes', `A="a#b"\nB='c#d'`, { A: 'a#b', B: 'c#d' }],
    ['value of several lines', 'A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
    ['\\n in double quotes', 'A="one\\ntwo"', { A: 'one\ntwo' }],
    ['empty value', 'A=\nB=2', { A: '', B: '2' }],
    ['CRLF', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['byte order mark', '\uFEFFA=1', { A: '1' }],
    ['a line without = in front of a variable', 'nonsense\nexport A=1', { A: '1' }],
  ])('reads a %s', (_, text, expected) => {
    expect(parseDotenv(text)).toEqual(expected);
  });
});

describe('withDotenv', () => {
  test('what is set already wins over .env, also when it is empty', async () => {
    const cwd = await makeFolder({ '.env': 'A=file\nB=file\nC=file' });
    expect(await withDotenv(cwd, { A: 'shell', B: '' })).toEqual({ A: 'shell', B: '', C: 'file' });
  });

  test('without .env the environment is as it was', async () => {
    expect(await withDotenv(await makeFolder(), { A: 'shell' })).toEqual({ A: 'shell' });
  });

  test('a folder named .env is none', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, '.env'));
    expect(await withDotenv(cwd, { A: 'shell' })).toEqual({ A: 'shell' });
  });
});
