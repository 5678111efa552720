import { EventEmitter } from 'node:events';
import { resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { main } from '../../src/cli.ts';
import { type RunOptions, type RunResult, runCli, runResult, withoutBackup } from './run.ts';

/** What is shipped, as bin/aisha-db.js loads it. */
const PROGRAM = pathToFileURL(resolve(import.meta.dirname, '../../dist/cli/main.js')).href;

/** Variables that Node or a library reads from the process, whatever the program is given. */
const OF_THE_PROCESS = /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LC_.*|SSL_.*|NODE_.*|APPDATA)$/;

/**
 * Runs the built program to its end inside of this process: a start of Node and of the program costs ten times what most
 * runs do. Signals, standard input, another node or a surrounding that belongs to a process need one of their own, as
 * does a run beside others: those become `runCli`. So does every run with AISHA_TEST_SPAWN=1.
 */
export function runHere(args: readonly string[], options: RunOptions): Promise<RunResult> {
  return needsProcess(args, options) ? runCli(args, options) : callMain(args, options);
}

function needsProcess(args: readonly string[], options: RunOptions): boolean {
  const { env = {}, input, nodeArgs, ownProcess = false, program } = options;
  if (ownProcess || process.env['AISHA_TEST_SPAWN'] === '1') return true;
  if (input !== undefined || nodeArgs !== undefined || program !== undefined) return true;
  // What a rehearsal is told to run finds itself in the folder of the process.
  return args.includes('--run') || Object.keys(env).some((name) => OF_THE_PROCESS.test(name));
}

async function callMain(args: readonly string[], options: RunOptions): Promise<RunResult> {
  const program: { readonly main: typeof main } = await import(PROGRAM);
  const [stdout, stderr] = [new Memory(), new Memory()];
  const streams = { stdin: Readable.from([]), stdout, stderr };
  const edge = { cwd: options.cwd, process: Object.assign(new EventEmitter(), { exit: () => {} }) };
  const code = await program.main(withoutBackup(args, options), { TERM: 'dumb', ...options.env }, streams, edge);
  return runResult(code, null, { stdout: stdout.text, stderr: stderr.text });
}

/** A pipe that is read to its end. */
class Memory extends Writable {
  text = '';

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
