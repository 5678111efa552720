import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { commandFolder } from '../../src/cli/modules.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import { topics } from '../../src/cli/topics.ts';
import { loadDefinitions } from '../../src/diagnostics/load.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');

/** Number and heading of every section of the manual, part 2, in its order. */
const SECTIONS = readFileSync(join(import.meta.dirname, 'sections.txt'), 'utf8')
  .trim()
  .split('\n');

const rows = readFileSync(join(DOCS, 'manual.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| (?:\d+\.\d|[A-E] )/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, section = '', coveredBy = '', note = '']) => ({ section, coveredBy, note }));

test('docs/manual.md has one row for each section of the manual, in its order', () => {
  expect(rows.map(({ section }) => section)).toEqual(SECTIONS);
});

test('a section that nothing covers has a reason', () => {
  const reasons = /^(?:the application's|the platform's|not yet): /;
  expect(rows.filter(({ coveredBy, note }) => coveredBy === '' && !reasons.test(note))).toEqual([]);
});

test('every file that a row links to is there', () => {
  const links = rows.flatMap(({ coveredBy, note }) =>
    [...`${coveredBy} ${note}`.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!),
  );
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter((path) => !existsSync(join(DOCS, path)))).toEqual([]);
});

const commands = [
  ...new Set(
    rows.flatMap(({ coveredBy, note }) =>
      [...`${coveredBy} ${note}`.matchAll(/`aisha-db ([^`]+)`/g)].map(([, line]) => line!),
    ),
  ),
];

test.each(commands)('the command of a row can be typed: aisha-db %s', async (line) => {
  const argv = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare!,
  );
  if (argv[0] === 'help') return expect(topics().map(({ name }) => name)).toContain(argv[1]);
  const { name, args } = (await parseArguments(argv, commandFolder)) as { name: string; args: readonly string[] };
  expect(name).toBe(argv[0]);
  if (name === 'diagnose') {
    const known = new Set(loadDefinitions().flatMap(({ id, category }) => [id, category]));
    expect(args.filter((check) => !known.has(check))).toEqual([]);
  }
  return undefined;
});

test('every section that a check names is one of the manual', () => {
  const numbers = new Set(SECTIONS.map((section) => section.split(' ')[0]));
  const named = loadDefinitions().flatMap(({ id, manual }) => manual.split(/,\s*/).map((number) => ({ id, number })));
  expect(named.filter(({ number }) => number !== 'none' && !numbers.has(number))).toEqual([]);
});
