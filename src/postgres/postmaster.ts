import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './process-identity.ts';

/** What a running server writes to `postmaster.pid` (PostgreSQL's miscinit.h, LOCK_FILE_LINE_*). */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Empty when the server has no Unix socket. */
  readonly socketDir: string;
  /** Empty when the server does not listen on TCP. */
  readonly listenAddress: string;
  /** `starting`, `ready`, `stopping` or `standby`; empty in the first moments. */
  readonly status: string;
}

/** How a server is told to stop: each signal in turn, with the milliseconds it is given. */
export type StopPlan = readonly (readonly [signal: NodeJS.Signals, waitMs: number])[];

/** Fast shutdown: sessions are ended, a checkpoint is written. */
export const STOP_CLEANLY: StopPlan = [
  ['SIGINT', 60_000],
  ['SIGQUIT', 10_000],
  ['SIGKILL', 2_000],
];

/** Immediate shutdown, for data that nobody will read again. */
export const STOP_AT_ONCE: StopPlan = [
  ['SIGQUIT', 10_000],
  ['SIGKILL', 2_000],
];

/** The server that runs on a data folder right now; `undefined` when none does, whatever a stale file says. */
export function findPostmaster(dataDir: string): Postmaster | undefined {
  const postmaster = readPostmasterFile(dataDir);
  return postmaster !== undefined && isPostmasterOf(postmaster.pid, dataDir) ? postmaster : undefined;
}

/** The content of `postmaster.pid`, which survives a crash of the server; `undefined` when there is none. */
export function readPostmasterFile(dataDir: string): Postmaster | undefined {
  const lines = readLines(join(dataDir, 'postmaster.pid'));
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    port: Number.parseInt(lines[3] ?? '', 10) || 0,
    socketDir: lines[4]?.trim() ?? '',
    listenAddress: lines[5]?.trim() ?? '',
    status: lines[7]?.trim() ?? '',
  };
}

/**
 * Whether that pid is the server of that data folder, and not a stranger who was given the pid of a dead one. A server
 * works in its data folder and was started with its path.
 */
function isPostmasterOf(pid: number, dataDir: string): boolean {
  if (!isRunning(pid)) return false;
  try {
    const folder = realpathSync(dataDir);
    if (process.platform === 'linux') {
      const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return program === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === folder;
    }
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' });
    return command.includes('postgres') && (command.includes(folder) || command.includes(dataDir));
  } catch {
    return false;
  }
}

/** A server that can be stopped: `send` returns false when it is gone. */
export interface Stoppable {
  readonly pid: number;
  send(signal: NodeJS.Signals): boolean;
}

/** The server of that data folder as something that can be stopped; a stranger with the same pid is left alone. */
export function stoppable(pid: number, dataDir: string): Stoppable {
  return { pid, send: (signal) => isPostmasterOf(pid, dataDir) && process.kill(pid, signal) };
}

/** Ends a server by its pid and waits until it is gone. */
export async function stopPostmaster(server: Stoppable, plan: StopPlan): Promise<void> {
  for (const [signal, waitMs] of plan) {
    if (!server.send(signal)) return;
    const deadline = Date.now() + waitMs;
    while (isRunning(server.pid) && Date.now() < deadline) await sleep(20);
  }
}

/** As `stopPostmaster`, without giving way to anything else: for the last moments of a process. */
export function stopPostmasterSync(server: Stoppable, plan: StopPlan): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (const [signal, waitMs] of plan) {
    if (!server.send(signal)) return;
    const deadline = Date.now() + waitMs;
    while (isRunning(server.pid) && Date.now() < deadline) Atomics.wait(nobody, 0, 0, 20);
  }
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
