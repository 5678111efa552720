import { runTool } from '../postgres/run-tool.ts';
import type { Target } from '../postgres/target.ts';

/** What became of the user's own tests. */
export interface CommandOutcome {
  readonly command: string;
  readonly passed: boolean;
  /** `exit code 1`, `SIGKILL`. */
  readonly how: string;
  readonly durationMs: number;
  /** The end of what it wrote. */
  readonly lastLines: readonly string[];
}

interface CommandWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly info: (line: string) => void;
}

/**
 * Runs the user's tests against the copy: DATABASE_URL and the PG* variables lead there, and nothing of the environment
 * leads to the database that was copied.
 */
export async function runCommand(
  command: string,
  copy: { readonly target: Target; readonly url: string },
  { env, signal, info }: CommandWorld,
): Promise<CommandOutcome> {
  info(`running: ${command}`);
  const startedAt = performance.now();
  const { exitCode, endedBy, complaints } = await runTool({
    program: '/bin/sh',
    args: ['-c', WATCHED, 'sh', command, String(process.pid)],
    env: { ...harmless(env), ...addressOf(copy) },
    signal,
    onLine: info,
  });
  signal.throwIfAborted();
  return {
    command,
    passed: exitCode === 0,
    how: exitCode === undefined ? (endedBy ?? 'a signal') : `exit code ${exitCode}`,
    durationMs: Math.round(performance.now() - startedAt),
    lastLines: complaints,
  };
}

/**
 * Runs $1. What it writes to stdout is no part of our report. A program that is killed cannot end what it has started:
 * a watcher in the group does, as soon as the process $2 is gone.
 */
const WATCHED = `exec 1>&2
( while kill -0 "$2"; do sleep 1; done; kill -KILL 0 ) </dev/null >/dev/null 2>&1 &
watcher=$!
/bin/sh -c "$1"
code=$?
kill "$watcher"
exit "$code"`;

/** The environment without whatever names a database. */
function harmless(env: CommandWorld['env']): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !/^PG[A-Z]/.test(name) && !isConnectionString(value),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

function isConnectionString(value: string): boolean {
  return /^\s*(jdbc:)?postgres(ql)?:/i.test(value);
}

function addressOf({ target, url }: { readonly target: Target; readonly url: string }): Record<string, string> {
  return {
    DATABASE_URL: url,
    AISHA_DATABASE_URL: url,
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGPASSWORD: target.password?.reveal() ?? '',
    PGDATABASE: target.database,
  };
}
