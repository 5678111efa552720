import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A name for a running process that stays its own after it has died and its pid was given to another one:
 * pid, and on Linux its start time (ticks since boot, proc(5) field 22) and the boot. `undefined` when it does not run.
 */
export function processIdentity(pid: number): string | undefined {
  if (!isRunning(pid)) return undefined;
  const stat = linuxStat(pid);
  return stat === undefined ? `${pid}` : `${pid}:${stat.startTime}:${bootId()}`;
}

/** Whether the process that `processIdentity` named still runs. */
export function isIdentityRunning(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isSafeInteger(pid) && pid > 0 && processIdentity(pid) === identity;
}

/**
 * Whether the pid runs. A zombie does not: in a container whose first process reaps nobody, a dead server stays one
 * for ever, and signal 0 still reaches it.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const state = process.platform === 'linux' ? linuxStat(pid)?.state : psState(pid);
  return state !== 'Z' && state !== 'X';
}

interface LinuxStat {
  readonly state: string;
  readonly startTime: string;
}

function linuxStat(pid: number): LinuxStat | undefined {
  if (process.platform !== 'linux') return undefined;
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

function psState(pid: number): string | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' })
      .trim()
      .charAt(0);
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
