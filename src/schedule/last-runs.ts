import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Job, reportFile, type Schedule } from './jobs.ts';
import type { LastRun } from './verdict.ts';

/** What the last report of a job says; `undefined` when there is none, or it cannot be understood. */
export function readReport(schedule: Schedule, job: Job): LastRun | undefined {
  const file = reportFile(schedule, job);
  if (!existsSync(file)) return undefined;
  try {
    const { startedAt, exitCode, error } = JSON.parse(readFileSync(file, 'utf8'));
    const time = new Date(startedAt);
    if (Number.isNaN(time.getTime()) || typeof exitCode !== 'number') return undefined;
    return { startedAt: time, exitCode, reason: typeof error?.message === 'string' ? error.message : undefined };
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

/** When and as what a schedule was installed on this machine. */
export interface Installation {
  readonly installedAt: Date;
  readonly as: string;
}

export function readInstallation(schedule: Schedule): Installation | undefined {
  const file = installationFile(schedule);
  if (!existsSync(file)) return undefined;
  const { installedAt, as } = JSON.parse(readFileSync(file, 'utf8'));
  return { installedAt: new Date(installedAt), as };
}

/** Keeps the first time: to install again is not to begin again. */
export function recordInstallation(schedule: Schedule, as: string, now: Date): void {
  const file = installationFile(schedule);
  mkdirSync(dirname(file), { recursive: true });
  const since = readInstallation(schedule)?.installedAt ?? now;
  writeFileSync(file, `${JSON.stringify({ installedAt: since.toISOString(), as })}\n`);
}

export function forgetInstallation(schedule: Schedule): void {
  rmSync(installationFile(schedule), { force: true });
}

function installationFile({ name, place }: Schedule): string {
  return join(place.reports, `${name}.schedule.json`);
}
