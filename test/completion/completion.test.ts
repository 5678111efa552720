import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionWords, SHELLS } from '../../src/cli/completion.ts';
import { commandFolder } from '../../src/cli/modules.ts';
import { makeFolder } from '../support/folder.ts';

const words = await completionWords();

/** Runs a script of a shell that loads the completion first (as `$1`); its lines on stdout. */
async function inShell(shell: string, args: readonly string[], script: string): Promise<string[]> {
  const folder = await makeFolder();
  const file = join(folder, 'completion');
  writeFileSync(file, SHELLS[shell]!(words));
  const run = spawnSync(shell, [...args, script.replaceAll('FILE', file)], { encoding: 'utf8', cwd: folder });
  expect([run.stderr, run.status]).toEqual(['', 0]);
  return run.stdout.split('\n').filter((line) => line !== '');
}

/** Where CI is set nothing is skipped: the test runs and fails. */
const isMissing = (shell: string) => !process.env['CI'] && spawnSync(shell, ['--version']).error !== undefined;

test('every command, its options and the values of --format are known', () => {
  expect(words.map(({ name }) => name)).toEqual([...commandFolder.names(), 'help']);
  const tenant = words.find(({ name }) => name === 'tenant');
  expect(tenant?.first).toContain('resolve');
  expect(tenant?.options).toContainEqual(expect.objectContaining({ flag: '--dry-run', takesValue: false }));
  expect(tenant?.options.find(({ flag }) => flag === '--format')?.values).toContain('sarif');
  expect(words.find(({ name }) => name === 'help')?.first).toEqual(expect.arrayContaining(['connecting', 'tenant']));
});

test.skipIf(isMissing('bash'))('bash offers commands, actions, options and values, also behind an =', async () => {
  const complete = (...line: string[]) =>
    inShell(
      'bash',
      ['--norc', '-c'],
      `source FILE; COMP_WORDS=(aisha-db ${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length}; _aisha_db; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  expect(await complete('ten')).toEqual(['tenant']);
  expect(await complete('tenant', 're')).toEqual(['resolve']);
  expect(await complete('tenant', 'resolve', '--st')).toEqual(['--stats']);
  expect(await complete('status', '--format', 'js')).toEqual(['json']);
  expect(await complete('status', '--format', '=', 'ma')).toEqual(['markdown']);
  expect(await complete('help', 'conn')).toEqual(['connections', 'connecting']);
  expect(await complete('nothing', '--')).toEqual([]);
});

test.skipIf(isMissing('fish'))('fish offers commands, actions, options and values', async () => {
  const complete = async (line: string) =>
    (await inShell('fish', ['--no-config', '-c'], `source FILE; complete -C '${line}'`)).map(
      (found) => found.split('\t')[0],
    );
  expect(await complete('aisha-db ten')).toEqual(['tenant']);
  expect(await complete('aisha-db tenant --dry')).toEqual(['--dry-run']);
  expect(await complete('aisha-db tenant res')).toContain('resolve');
  expect(await complete('aisha-db status --format js')).toEqual(['json']);
});

test.skipIf(isMissing('zsh'))('zsh hands commands and options to its own helpers', async () => {
  const complete = (current: number, ...line: string[]) =>
    inShell(
      'zsh',
      ['-f', '-c'],
      `compdef() {}; _describe() { print -rl -- \${(P)2} }; _arguments() { print -rl -- "$@" }; source FILE; words=(aisha-db ${line.join(' ')}); CURRENT=${current}; _aisha_db`,
    );
  expect((await complete(2, 'ten')).map((entry) => entry.split(':')[0])).toContain('tenant');
  const tenant = await complete(3, 'tenant', 'x');
  expect(tenant).toContain('1:action:(resolve list check export delete serve)');
  expect(tenant.find((entry) => entry.startsWith('--dry-run['))).toBeDefined();
  expect(tenant.find((entry) => entry.startsWith('--format='))).toMatch(/:value:\(html json .*table\)$/);
});
