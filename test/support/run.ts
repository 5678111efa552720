import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';

const PROGRAM = resolve(import.meta.dirname, '../../bin/aisha-db.js');

export interface RunOptions {
  /** Default: the temporary folder of the system, never the checkout, whose files would be found. */
  readonly cwd: string;
  /** All that the program sees besides PATH, HOME, TMPDIR and TERM. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text for stdin; default: an empty stdin. */
  readonly input?: string;
  /** Milliseconds until the program is killed and the test fails; default 60,000. */
  readonly timeoutMs?: number;
  /** Leave migrate, rollback and fix their backup, which takes seconds; default: without, unless an argument asks for one. */
  readonly backUp?: boolean;
  /** Arguments for node itself. */
  readonly nodeArgs?: readonly string[];
  /** Each run is a process of its own where it would not have to be (`runHere`): runs beside each other, say. */
  readonly ownProcess?: boolean;
  /** Another copy of the program, or another user to run it; default: the checkout's. */
  readonly program?: {
    readonly path: string;
    readonly node: string;
    readonly uid?: number;
    readonly gid?: number;
  };
}

export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The report of `--format json`; throws with all output when stdout is not one JSON value. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects to find
  json(): any;
}

/** A program that runs. */
export interface StartedCli {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  readonly done: Promise<RunResult>;
  /** What has been written so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Resolves as soon as stderr has that text; rejects with all output when the program ends before. */
  stderrContains(text: string | RegExp): Promise<void>;
}

/** Runs the built program to its end, as a user's shell would. */
export function runCli(args: readonly string[], options: RunOptions): Promise<RunResult> {
  return startCli(args, options).done;
}

/** Starts the built program; what still runs when the test ends is killed. */
export function startCli(args: readonly string[], options: RunOptions): StartedCli {
  const { path, node, ...user } = options.program ?? { path: PROGRAM, node: process.execPath };
  const child = spawn(node, [...(options.nodeArgs ?? []), path, ...withoutBackup(args, options)], {
    ...user,
    cwd: options.cwd,
    env: cleanEnvironment(options.env),
    stdio: 'pipe',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk));
  // A program that ends without reading its input is no error here.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const done = finished(child, output, args, options.timeoutMs ?? 60_000);
  killWithTest(child);
  return {
    pid: child.pid!,
    kill: (signal) => void child.kill(signal),
    done,
    output: () => ({ ...output }),
    stderrContains: (text) => waitForStderr(child, output, text, done),
  };
}

/** The arguments of a run that is to make no backup of its own. */
export function withoutBackup(args: readonly string[], { backUp = false }: RunOptions): readonly string[] {
  if (backUp || args.includes('--backup') || !['migrate', 'rollback', 'fix'].includes(args[0] ?? '')) return args;
  return [args[0]!, '--no-backup', ...args.slice(1)];
}

/** Nothing of the developer's own databases reaches the program. */
function cleanEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  const machine = { ...(PATH && { PATH }), ...(HOME && { HOME }), ...(TMPDIR && { TMPDIR }) };
  return { ...machine, TERM: 'dumb', ...env };
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

function finished(child: ChildProcess, output: Output, args: readonly string[], timeoutMs: number): Promise<RunResult> {
  return new Promise((resolveRun, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`aisha-db ${args.join(' ')}: not done after ${timeoutMs} ms\n${describe(output)}`));
    }, timeoutMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolveRun(runResult(code, signal, output));
    });
  });
}

/** What a run left behind. */
export function runResult(code: number | null, signal: NodeJS.Signals | null, output: Output): RunResult {
  return { code, signal, ...output, json: () => parseReport(output) };
}

function parseReport(output: Output): unknown {
  try {
    return JSON.parse(output.stdout);
  } catch (cause) {
    throw new Error(`stdout is not one JSON value\n${describe(output)}`, { cause });
  }
}

function waitForStderr(
  child: ChildProcess,
  output: Output,
  text: string | RegExp,
  done: Promise<RunResult>,
): Promise<void> {
  const isThere = () => {
    const plain = stripVTControlCharacters(output.stderr);
    return typeof text === 'string' ? plain.includes(text) : text.test(plain);
  };
  return new Promise((resolveWait, reject) => {
    const check = () => {
      if (!isThere()) return;
      child.stderr?.off('data', check);
      resolveWait();
    };
    child.stderr?.on('data', check);
    check();
    const ended = () => {
      if (isThere()) resolveWait();
      else reject(new Error(`the program ended without writing ${text} to stderr\n${describe(output)}`));
    };
    done.then(ended, reject);
  });
}

function killWithTest(child: ChildProcess): void {
  try {
    onTestFinished(() => void child.kill('SIGKILL'));
  } catch {
    // Started outside of a test (in a hook): then the caller waits for its end.
  }
}

function describe({ stdout, stderr }: Output): string {
  return `stdout:\n${stdout}\nstderr:\n${stderr}`;
}
