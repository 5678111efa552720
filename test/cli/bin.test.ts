import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { rootHelp } from '../../src/cli.ts';
import { makeFolder } from '../support/folder.ts';
import { runCli } from '../support/run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'bin/aisha-db.js');

describe('the built program', () => {
  test('answers version and help at once, with what the sources would say', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(await runCli(['--version'], { cwd: tmpdir() })).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
    for (const argv of [[], ['--help'], ['-h'], ['help']]) {
      expect(await runCli(argv, { cwd: tmpdir() })).toMatchObject({ code: 0, stdout: await rootHelp(), stderr: '' });
    }
  });

  test('finds its commands and reporters', async () => {
    const { code, stdout } = await runCli(['status', '--help'], { cwd: tmpdir() });
    expect([code, stdout]).toEqual([0, expect.stringContaining('html, json, junit, markdown, nagios')]);
  });

  test('hands the exit code on, everything written', async () => {
    const run = await runCli(['status', '--format', 'json', '--nonsense'], { cwd: tmpdir() });
    expect([run.code, run.json().error.message]).toEqual([2, 'unknown option "--nonsense"']);
  });

  test.each([
    ['--help', 0, ''],
    ['status --help', 0, ''],
    [
      'status --format json --nonsense',
      2,
      'error: unknown option "--nonsense"\nhint: aisha-db status --help lists the options.\n',
    ],
  ])('does not mind a reader that has gone: %s', async (argv, code, stderr) => {
    expect(await runUnread(argv.split(' '))).toEqual({ code, stderr });
  });
});

test('a program that is not built says so in one sentence', async () => {
  const folder = await makeFolder();
  mkdirSync(join(folder, 'bin'));
  for (const file of ['package.json', 'bin/aisha-db.js']) cpSync(join(ROOT, file), join(folder, file));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/aisha-db.js'), 'status'], {
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toBe('error: aisha-db is not built yet\nhint: Run npm ci && npm run build in its folder.\n');
});

/** Runs the program with a stdout that is closed before anything is written. */
async function runUnread(argv: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const code = new Promise((done) => child.on('close', done));
  return { stderr: await text(child.stderr), code: await code };
}
