import type { Readable } from 'node:stream';
import { AishaError } from '../errors.ts';
import { runAtExit } from './exit-cleanup.ts';

export interface ToolRun {
  /** Path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the program and all it has started. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each line of stderr. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Called as soon as the program runs. */
  readonly onStart?: ((pid: number) => void) | undefined;
  /** Keep what it writes to stdout; default: it goes nowhere. */
  readonly keepOutput?: boolean;
  /** Takes what it writes to stdout while it runs; when this fails, the program is ended. */
  readonly consume?: ((stdout: Readable) => Promise<void>) | undefined;
}

export interface ToolOutcome {
  /** `undefined` when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly endedBy: string | undefined;
  readonly stdout: string;
  /** The last lines of stderr that tell of a problem. */
  readonly complaints: readonly string[];
}

/** How long a program is given between SIGTERM and SIGKILL, in milliseconds: pg_dump cancels its queries meanwhile. */
const GRACE_MS = 5_000;
/** Enough for an error with its detail, hint and query. */
const COMPLAINTS = 20;

/**
 * Runs a program of PostgreSQL without a shell, in a process group of its own: Ctrl-C in the terminal is for us, who
 * end the program and its workers together. When this process ends first, the group ends with it.
 * @throws AishaError (tool) when it cannot be started
 */
export async function runTool({ program, args, env, signal, ...options }: ToolRun): Promise<ToolOutcome> {
  // Loaded here: it costs more than most commands take.
  const { execa } = await import('execa');
  const child = execa(program, args, {
    env,
    extendEnv: false,
    stdin: 'ignore',
    stdout: options.keepOutput === true || options.consume !== undefined ? 'pipe' : 'ignore',
    stderr: 'pipe',
    buffer: { stdout: options.keepOutput === true, stderr: false },
    maxBuffer: 1024 * 1024 * 1024,
    reject: false,
    detached: true,
    cleanup: false,
  });
  const { pid } = child;
  if (pid === undefined) throw notStarted(program, (await child).message);
  const stopWatching = endWith(pid, signal);
  // The workers of a leader that was killed would go on, and hold its stderr and its locks.
  child.once('exit', (code) => (code === 0 ? undefined : signalGroup(pid, 'SIGKILL')));
  options.onStart?.(pid);
  const consumed = options.consume?.(child.stdout!);
  consumed?.catch(() => signalGroup(pid, 'SIGTERM'));
  const complaints: string[] = [];
  try {
    for await (const line of child.iterable({ from: 'stderr' })) {
      options.onLine?.(line);
      if (!isComplaint(line)) continue;
      complaints.push(line);
      if (complaints.length > COMPLAINTS) complaints.shift();
    }
    await consumed;
    const { exitCode, signal: endedBy, stdout } = await child;
    return { exitCode, endedBy, stdout: stdout ?? '', complaints };
  } finally {
    stopWatching();
  }
}

/** `pg_dump: dumping contents of table "public.a"` and its like are progress. */
function isComplaint(line: string): boolean {
  return !/^pg_\w+: (?!error|warning|fatal|detail|hint)/.test(line);
}

/** Ends the group when the signal says so or this process ends; returns what takes that back. */
function endWith(pid: number, signal: AbortSignal | undefined): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    signalGroup(pid, 'SIGTERM');
    timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS);
  };
  const forget = runAtExit(() => signalGroup(pid, 'SIGKILL'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    forget();
  };
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended already.
  }
}

function notStarted(program: string, reason: string | undefined): AishaError {
  return new AishaError('tool', `${program} cannot be started`, {
    ...(reason === undefined ? {} : { details: [reason] }),
    hint: 'Check that it is there and may be run.',
  });
}
