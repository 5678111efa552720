import { AishaError } from '../errors.ts';
import { checkZone, parseCron } from './cron.ts';
import type { ScheduleSettings } from './settings.ts';

/** Where a run of a job leaves its trace besides its report. */
type Trace = { readonly kind: 'report' } | { readonly kind: 'backup'; readonly backupClass: string };

/** One line of the schedule. */
export interface Job {
  /** Lower case, digits and hyphens: part of file names, unit names and names of Kubernetes. */
  readonly name: string;
  /** Five fields of cron. */
  readonly at: string;
  /** Arguments of aisha-db. */
  readonly run: readonly string[];
  readonly trace: Trace;
}

/**
 * An extension that is not there, or a right that the role has not, is no news every week: the job diagnose says so as
 * well, and there an undecided check still counts as a finding.
 */
const UNKNOWN = ['--unknown-as', 'info'] as const;

/** The routine of the manual: backups (8.1), weekly, monthly and quarterly tasks (10.1). */
export const SHIPPED_JOBS: readonly Job[] = [
  backupJob('backup-daily', '0 3 * * *', ['backup', 'create', '--class', 'daily'], 'daily'),
  backupJob('backup-weekly', '0 2 * * 0', ['backup', 'create', '--class', 'weekly', '--restore'], 'weekly'),
  job('backup-prune', '30 4 * * *', ['backup', 'prune']),
  job('maintain-weekly', '0 5 * * 0', ['maintain', 'weekly', ...UNKNOWN]),
  job('maintain-monthly', '0 1 1 * *', ['maintain', 'monthly', '--until', '05:00', ...UNKNOWN]),
  job('maintain-resume', '0 1 2-31 * *', ['maintain', 'resume', '--until', '05:00', ...UNKNOWN]),
  job('maintain-quarterly', '0 6 1 1,4,7,10 *', ['maintain', 'quarterly', ...UNKNOWN]),
  job('partitions', '40 0 * * *', ['partitions', 'create']),
  job('archive-move', '17 3 * * *', ['archive', 'move', '--older-than', '30d']),
  job('rls-check', '45 5 * * *', ['rls-check']),
  job('diagnose', '0 6 * * 1', ['diagnose', '--save']),
];

function job(name: string, at: string, run: readonly string[]): Job {
  return { name, at, run, trace: { kind: 'report' } };
}

function backupJob(name: string, at: string, run: readonly string[], backupClass: string): Job {
  return { name, at, run, trace: { kind: 'backup', backupClass } };
}

/**
 * The shipped jobs as the project wants them, then its own, in the order of their names.
 * @throws AishaError (usage) with every problem of the block at once
 */
export function resolveJobs(settings: ScheduleSettings): readonly Job[] {
  const problems: string[] = [];
  const attempt = (check: () => void) => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof AishaError)) throw error;
      problems.push(error.message);
    }
  };
  if (settings.timezone !== undefined) attempt(() => checkZone(settings.timezone!, 'schedule.timezone'));
  const shipped = new Map(SHIPPED_JOBS.map((one) => [one.name, one]));
  const names = [
    ...shipped.keys(),
    ...Object.keys(settings.jobs)
      .filter((name) => !shipped.has(name))
      .sort(),
  ];
  const jobs = names.flatMap((name) => {
    const given = settings.jobs[name];
    const known = shipped.get(name);
    if (given?.enabled === false) return [];
    const at = given?.at ?? known?.at;
    const run = given?.run ?? known?.run;
    if (at === undefined || run === undefined) {
      problems.push(`schedule.jobs.${name} needs "at" and "run": it is not one of ${[...shipped.keys()].join(', ')}`);
      return [];
    }
    attempt(() => void parseCron(at, `schedule.jobs.${name}.at`));
    if (given?.run !== undefined) attempt(() => checkArguments(name, run));
    return [{ name, at, run, trace: given?.run === undefined ? known!.trace : { kind: 'report' as const } }];
  });
  const [first] = problems;
  if (first === undefined) return jobs;
  throw new AishaError('usage', problems.length === 1 ? first : `${problems.length} problems in "schedule"`, {
    details: problems.length === 1 ? [] : problems,
    hint: 'docs/schedule.md describes the block "schedule" of the configuration.',
  });
}

/** A schedule lies in files that others read. */
function checkArguments(name: string, run: readonly string[]): void {
  if (run.some((argument) => /:\/\/[^/@\s]*:[^/@\s]*@/.test(argument) || /password\s*=/i.test(argument))) {
    throw new AishaError('usage', `schedule.jobs.${name}.run holds a password`);
  }
  if (run.some((argument) => /[\u0000-\u001f]/.test(argument))) {
    throw new AishaError('usage', `schedule.jobs.${name}.run holds a control character`);
  }
}

/** Where and as what the jobs run. */
export interface Place {
  /** Absolute paths of node, and of the file it runs. */
  readonly node: string;
  readonly program: string;
  /** Working directory. */
  readonly cwd: string;
  /** Absolute path of the configuration, where there is one. */
  readonly config: string | undefined;
  readonly environment: { readonly name: string; readonly isProtected: boolean } | undefined;
  /** Variable that holds the connection string. */
  readonly variable: string;
  /** Absolute path of the file with the variables of the connection. */
  readonly environmentFile: string | undefined;
  /** Absolute path of the folder of the last report of each job. */
  readonly reports: string;
}

/** A whole schedule. */
export interface Schedule {
  /** Tells its block, files and units from those of others. */
  readonly name: string;
  readonly jobs: readonly Job[];
  /** As configured. */
  readonly timezone: string | undefined;
  readonly machineZone: string;
  readonly place: Place;
}

/** The file of the last report of a job. */
export function reportFile({ name, place }: Schedule, job: Job): string {
  return `${place.reports}/${name}.${job.name}.json`;
}

/** The arguments of aisha-db for a job: unattended, and its report in a file. */
export function jobArguments(
  schedule: Schedule,
  job: Job,
  paths: { readonly config?: string; readonly report?: string } = {},
): readonly string[] {
  const { environment, config: ownConfig } = schedule.place;
  const config = paths.config ?? ownConfig;
  const report = paths.report ?? reportFile(schedule, job);
  return [
    ...job.run,
    '--quiet',
    ...(config === undefined ? [] : ['--config', config]),
    ...(environment === undefined ? [] : ['--env', environment.name]),
    ...(environment?.isProtected ? ['--confirm', environment.name] : ['--yes']),
    '--format',
    'json',
    '--output',
    report,
  ];
}
