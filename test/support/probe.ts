import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { type ServerUser, spawnAs } from '../../src/postgres/server-user.ts';

const BUILD = resolve(import.meta.dirname, '../../build');

export interface ProbeOptions {
  /** JSON values that the code finds in the array `args`. */
  readonly args?: readonly unknown[];
  readonly user?: ServerUser | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of the compiled modules; default: `build` of the checkout. */
  readonly build?: string;
  readonly node?: string;
}

/** A process of its own that uses modules of the built program, so that it can be killed or be someone else. */
export interface Probe {
  readonly pid: number;
  /** The next value that the code gives to `say`; rejects with stderr when the process ends without one. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects to hear
  said(): Promise<any>;
  /** Ends the code's `await heard()`. */
  tell(): void;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

const PRELUDE = `
  const [build, ...args] = JSON.parse(process.argv[1]);
  const load = (module) => import(build + '/' + module);
  const say = (value) => process.stdout.write(JSON.stringify(value ?? null) + '\\n');
  const heard = () => new Promise((resolve) => {
    process.stdin.once('data', () => { process.stdin.destroy(); resolve(); });
  });
`;

/** Runs code (the body of an ES module) in a node process; what still runs when the test ends is killed. */
export function startProbe(code: string, options: ProbeOptions = {}): Probe {
  const values = JSON.stringify([options.build ?? BUILD, ...(options.args ?? [])]);
  const child = spawn(options.node ?? process.execPath, ['--input-type=module', '-e', PRELUDE + code, values], {
    cwd: '/',
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...options.env },
    stdio: 'pipe',
    ...spawnAs(options.user),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = endOf(child);
  ended.catch((error) => (errors += error.message));
  return {
    pid: child.pid!,
    said: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the probe ended without an answer:\n${errors}`);
      return JSON.parse(value);
    },
    tell: () => void child.stdin.write('\n'),
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
    ended,
  };
}

function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolveEnd, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolveEnd(signal ?? code ?? -1));
  });
}
