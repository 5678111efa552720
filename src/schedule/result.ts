import type { Check, CommandResult, Finding, ReportTable } from '../report/report.ts';
import { clockChanges, formatInZone, nextRuns } from './cron.ts';
import type { Job, Schedule } from './jobs.ts';
import type { Verdict } from './verdict.ts';

/** A job and the zone that its scheduler takes its time in. */
export interface Timed {
  readonly name: string;
  readonly at: string;
  readonly zone: string;
}

/** The zone of the times: the configured one, else UTC, else (cron cannot be told) that of the machine. */
export function zoneOf({ timezone, machineZone }: Schedule, scheduler: string | undefined): string {
  if (scheduler === 'github') return 'UTC';
  return timezone ?? (scheduler === 'crontab' ? machineZone : 'UTC');
}

/** When each job runs next, in the zone of the machine and in UTC. */
export function nextRunsTable(jobs: readonly Timed[], machineZone: string, now: Date): ReportTable {
  const isUtc = machineZone === 'UTC';
  return {
    title: 'Next runs',
    columns: ['job', 'time', 'zone', ...(isUtc ? [] : [`next run, ${machineZone}`]), 'next run, UTC'],
    rows: jobs.map(({ name, at, zone }) => {
      const next = nextRuns(at, zone, now, 1)[0]!;
      return [name, at, zone, ...(isUtc ? [] : [formatInZone(next, machineZone)]), formatInZone(next, 'UTC')];
    }),
  };
}

export function jobsData(jobs: readonly Timed[], now: Date): readonly Record<string, unknown>[] {
  return jobs.map(({ name, at, zone }) => ({
    name,
    at,
    zone,
    nextRuns: nextRuns(at, zone, now, 3).map((time) => time.toISOString()),
  }));
}

/** Jobs at a time of day that the clock skips or has twice within a year. */
export function clockFindings(jobs: readonly Timed[], now: Date): readonly Finding[] {
  return jobs.flatMap(({ name, at, zone }) =>
    clockChanges(at, zone, now).map(({ at: time, kind }) => ({
      check: 'schedule-clock-change',
      severity: 'info' as const,
      object: name,
      message:
        kind === 'skipped'
          ? `the clock of ${zone} skips its time once: ${formatInZone(time, zone)} is when it runs, if its scheduler makes up for it`
          : `the clock of ${zone} has its time twice: from ${formatInZone(time, zone)} on it may run twice`,
      remediation: 'Choose an hour outside of 01:00 to 03:59, or UTC.',
    })),
  );
}

export function credentialFindings(problems: readonly string[]): readonly Finding[] {
  return problems.map((message) => ({
    check: 'schedule-credentials',
    severity: 'warning' as const,
    object: 'connection of the jobs',
    message,
  }));
}

/** A job and what became of it. */
export interface Judged extends Timed {
  readonly trace: Job['trace']['kind'] | 'pg_cron';
  readonly verdict: Verdict;
}

/** Which jobs ran when they had to. */
export function checkResult(judged: readonly Judged[], machineZone: string, now: Date): CommandResult {
  const bad = judged.filter(({ verdict }) => verdict.kind === 'missed' || verdict.kind === 'failed');
  return {
    text:
      bad.length === 0
        ? 'Every job ran when it should have'
        : `Not as scheduled: ${bad.map(({ name }) => name).join(', ')}`,
    checks: judged.map(toCheck),
    findings: judged.flatMap((one) => toFinding(one, machineZone)),
    tables: [
      {
        columns: ['job', 'verdict', 'due', 'ran'],
        rows: judged.map(({ name, verdict }) => [
          name,
          verdict.kind,
          'due' in verdict ? formatInZone(verdict.due, machineZone) : '',
          lastRunOf(verdict, machineZone),
        ]),
      },
      nextRunsTable(judged, machineZone, now),
    ],
    data: {
      jobs: judged.map(({ name, at, zone, verdict }) => ({
        name,
        at,
        zone,
        verdict: verdict.kind,
        due: 'due' in verdict ? verdict.due.toISOString() : null,
        ranAt: ranAt(verdict)?.toISOString() ?? null,
        reason: verdict.kind === 'failed' ? verdict.reason : null,
        nextRun: nextRuns(at, zone, now, 1)[0]!.toISOString(),
      })),
    },
  };
}

function ranAt(verdict: Verdict): Date | undefined {
  if (verdict.kind === 'missed') return verdict.lastRun;
  return verdict.kind === 'not due yet' ? undefined : verdict.at;
}

function lastRunOf(verdict: Verdict, zone: string): string {
  const at = ranAt(verdict);
  if (at !== undefined) return formatInZone(at, zone);
  return verdict.kind === 'missed' ? 'never' : '';
}

function toCheck({ name, verdict }: Judged): Check {
  const title = `The job ${name} runs when it should`;
  if (verdict.kind === 'not due yet') {
    return { id: `schedule-${name}`, title, status: 'not-applicable', reason: 'its first time is still to come' };
  }
  return { id: `schedule-${name}`, title, status: verdict.kind === 'ran' ? 'passed' : 'failed' };
}

function toFinding({ name, trace, verdict }: Judged, zone: string): readonly Finding[] {
  if (verdict.kind === 'ran' || verdict.kind === 'not due yet') return [];
  const last = verdict.kind === 'missed' && verdict.lastRun ? `, last ${formatInZone(verdict.lastRun, zone)}` : '';
  return [
    {
      check: `schedule-${name}`,
      // Without backups nothing else matters.
      severity: trace === 'backup' ? 'critical' : 'warning',
      object: name,
      message:
        verdict.kind === 'missed'
          ? `it has not run when it should have, ${formatInZone(verdict.due, zone)}${last}`
          : `its run of ${formatInZone(verdict.at, zone)} failed: ${verdict.reason}`,
      remediation:
        verdict.kind === 'missed'
          ? 'Look whether the scheduler runs and has the job: crontab -l, systemctl list-timers, kubectl get cronjobs.'
          : 'Run the command of the job by hand, and look at its report.',
    },
  ];
}
