import { join, resolve } from 'node:path';
import { storeFolder } from '../cli/backup.ts';
import { runHooks } from '../cli/migration.ts';
import { credentialProblems, openSchedule } from '../cli/schedule.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { RecordedRun } from '../maintenance/history.ts';
import type { CommandResult } from '../report/report.ts';
import type { Installed } from '../schedule/install.ts';
import type { Job, Schedule } from '../schedule/jobs.ts';
import type { Judged, Timed } from '../schedule/result.ts';
import type { LastRun } from '../schedule/verdict.ts';
import type { Command, Context } from './command.ts';

type Options = Readonly<Record<string, unknown>>;

/** A scheduler: how its text is made, and how it is put in place. */
interface Scheduler {
  render(schedule: Schedule, options: Options): Promise<string>;
  /** Absent where the program has no business: kubectl applies manifests. */
  install?(context: Context, schedule: Schedule, options: Options, remove: boolean): Promise<Installed>;
  /** Which jobs it can run. */
  jobs?(schedule: Schedule): Promise<readonly Job[]>;
}

const SCHEDULERS: Readonly<Record<string, Scheduler>> = {
  crontab: {
    async render(schedule) {
      await refuseOtherZone(schedule);
      return (await import('../schedule/crontab.ts')).renderCrontab(schedule);
    },
    async install(_context, schedule, options, remove) {
      const { installCrontab } = await import('../schedule/install.ts');
      const block = remove ? undefined : await SCHEDULERS['crontab']!.render(schedule, options);
      return installCrontab(schedule.name, block, options['dryRun'] === true);
    },
  },
  systemd: {
    async render(schedule) {
      const { renderSystemd } = await import('../schedule/systemd.ts');
      return renderSystemd(schedule)
        .map(({ file, text }) => `### ${file}\n${text}`)
        .join('\n');
    },
    async install({ cwd }, schedule, options, remove) {
      const { renderSystemd } = await import('../schedule/systemd.ts');
      const { installUnits, unitFolder } = await import('../schedule/install.ts');
      const given = options['unitDir'] as string | undefined;
      return installUnits(schedule.name, remove ? [] : renderSystemd(schedule), {
        folder: given === undefined ? unitFolder() : resolve(cwd, given),
        isOwnFolder: given === undefined,
        dryRun: options['dryRun'] === true,
      });
    },
  },
  github: {
    async render(schedule) {
      if (schedule.timezone !== undefined && schedule.timezone !== 'UTC') {
        throw new AishaError('usage', `GitHub knows no zone but UTC, and the schedule is in ${schedule.timezone}`, {
          hint: 'Leave schedule.timezone out, or set it to "UTC" in the block of the environment.',
        });
      }
      return (await import('../schedule/github.ts')).renderGithub(schedule);
    },
    async install({ cwd }, schedule, options, remove) {
      const { installWorkflow } = await import('../schedule/install.ts');
      const text = remove ? undefined : await SCHEDULERS['github']!.render(schedule, options);
      const file = `aisha-db-${schedule.name.replace(/[^\w.-]/g, '_')}.yml`;
      return installWorkflow(join(cwd, '.github/workflows', file), text, options['dryRun'] === true);
    },
    async jobs(schedule) {
      const { isForGithub } = await import('../schedule/github.ts');
      return schedule.jobs.filter(isForGithub);
    },
  },
  kubernetes: {
    async render(schedule, options) {
      const { renderKubernetes } = await import('../schedule/kubernetes.ts');
      const text = (name: string) => options[name] as string | undefined;
      return renderKubernetes(schedule, {
        image: text('image') ?? 'aisha-db:latest',
        namespace: text('namespace'),
        secret: text('secret') ?? 'aisha-db',
        configMap: text('configMap') ?? (schedule.place.config === undefined ? undefined : 'aisha-db'),
        claim: text('claim') ?? 'aisha-db',
      });
    },
  },
};

const WORDS = [...Object.keys(SCHEDULERS), 'pg_cron', 'check'];

export const command: Command = {
  summary: 'print, install, remove or check the schedule of backups and maintenance',
  description:
    'Without an argument it shows the jobs and when they run next. With the name of a scheduler it prints the schedule for it, --install puts it in place and --remove takes it away: only its own block, units, file or jobs. Credentials never go into it: jobs read them from the file of --environment-file, a Secret, or what the environment of the configuration names. check says which job has not run when it should have (docs/schedule.md).',
  examples: [
    'aisha-db schedule',
    'aisha-db schedule crontab --env production --environment-file /etc/aisha-db/production.env --install',
    'aisha-db schedule systemd --install --dry-run',
    'aisha-db schedule kubernetes --image registry.example.com/aisha-db:1 | kubectl apply -f -',
    'aisha-db schedule pg_cron --install',
    'aisha-db schedule check --format nagios',
    'aisha-db schedule crontab --env production --remove',
  ],
  database: true,
  words: () => WORDS,
  configure(command) {
    command
      .argument('[what]', WORDS.join(', '))
      .option('--install', 'put the schedule in place; again changes only what differs')
      .option('--remove', 'take away what was installed')
      .option('--dry-run', 'say what --install or --remove would change')
      .option('--name <name>', 'name of the schedule (default: that of the environment)')
      // Not --env-file: Node 20 takes that for its own option wherever it stands.
      .option('--environment-file <file>', 'file with the variables of the connection, NAME=value a line')
      .option('--pg-cron', 'of check: also the jobs of pg_cron')
      .optionsGroup('Of systemd:')
      .option('--unit-dir <folder>', 'write the units there, and do not call systemctl')
      .optionsGroup('Of kubernetes:')
      .option('--image <image>', 'container image (default: aisha-db:latest)')
      .option('--namespace <name>', 'namespace of the objects')
      .option('--secret <name>', 'Secret with the variables of the connection (default: aisha-db)')
      .option('--config-map <name>', 'ConfigMap with aisha-db.config.json')
      .option('--claim <name>', 'PersistentVolumeClaim for backups and reports (default: aisha-db)');
  },
  async run(context, args, options) {
    const [what] = args;
    checkOptions(what, options);
    const schedule = openSchedule(context, options);
    if (what === undefined) return show(context, schedule);
    if (what === 'check') return check(context, schedule, options);
    if (what === 'pg_cron') return pgCron(context, schedule, options);
    return withScheduler(context, what, schedule, options);
  },
};

function checkOptions(what: string | undefined, options: Options): void {
  if (what !== undefined && !WORDS.includes(what)) {
    const meant = didYouMean(what, WORDS);
    throw new AishaError('usage', `schedule cannot "${what}"`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}It knows ${WORDS.join(', ')}.`,
    });
  }
  const doing = options['install'] === true || options['remove'] === true;
  if (options['install'] === true && options['remove'] === true) {
    throw new AishaError('usage', '--install and --remove exclude each other', { hint: 'Keep the one that is meant.' });
  }
  if (doing && (what === undefined || what === 'check')) {
    throw new AishaError('usage', `--${options['install'] ? 'install' : 'remove'} needs the name of a scheduler`, {
      hint: 'For example: aisha-db schedule crontab --install.',
    });
  }
  if (doing && what === 'kubernetes') {
    throw new AishaError('usage', 'manifests are applied by kubectl', {
      hint: 'Run: aisha-db schedule kubernetes | kubectl apply -f - (or kubectl delete -f -).',
    });
  }
}

/** Cron has one zone; a schedule of another that only happens to agree today would be wrong in summer. */
async function refuseOtherZone({ timezone, machineZone, jobs }: Schedule): Promise<void> {
  if (timezone === undefined || timezone === machineZone) return;
  const { nextRuns } = await import('../schedule/cron.ts');
  const now = new Date();
  const differs = ({ at }: Job) => {
    const [there, here] = [nextRuns(at, timezone, now, 400), nextRuns(at, machineZone, now, 400)];
    return there.some((time, index) => time.getTime() !== here[index]?.getTime());
  };
  if (!jobs.some(differs)) return;
  throw new AishaError('usage', `the cron of this machine is in ${machineZone}, and the schedule in ${timezone}`, {
    hint: `Use systemd timers, which take a zone, or set schedule.timezone to "${machineZone}", or the zone of the machine.`,
  });
}

async function show(context: Context, schedule: Schedule): Promise<CommandResult> {
  const { readInstallation } = await import('../schedule/last-runs.ts');
  const { clockFindings, credentialFindings, jobsData, nextRunsTable, zoneOf } = await import('../schedule/result.ts');
  const installation = readInstallation(schedule);
  const now = new Date();
  const jobs = timed(schedule.jobs, zoneOf(schedule, installation?.as));
  return {
    text:
      installation === undefined
        ? `Schedule "${schedule.name}" is not installed on this machine: aisha-db schedule crontab --install`
        : `Schedule "${schedule.name}" is installed (${installation.as}) since ${installation.installedAt.toISOString()}`,
    findings: [...credentialFindings(credentialProblems(schedule, context)), ...clockFindings(jobs, now)],
    tables: [
      nextRunsTable(jobs, schedule.machineZone, now),
      {
        title: 'Commands',
        columns: ['job', 'aisha-db'],
        rows: schedule.jobs.map(({ name, run }) => [name, run.join(' ')]),
      },
    ],
    data: { name: schedule.name, installed: installation?.as ?? null, jobs: jobsData(jobs, now) },
  };
}

function timed(jobs: readonly { readonly name: string; readonly at: string }[], zone: string): readonly Timed[] {
  return jobs.map(({ name, at }) => ({ name, at, zone }));
}

async function withScheduler(
  context: Context,
  what: string,
  schedule: Schedule,
  options: Options,
): Promise<CommandResult> {
  const scheduler = SCHEDULERS[what]!;
  const { clockFindings, credentialFindings, jobsData, nextRunsTable, zoneOf } = await import('../schedule/result.ts');
  const jobs = (await scheduler.jobs?.(schedule)) ?? schedule.jobs;
  const left = schedule.jobs.filter((job) => !jobs.includes(job)).map(({ name }) => name);
  if (left.length > 0)
    context.talk.warn(`left out, since their files would be gone with the machine: ${left.join(', ')}`);
  const now = new Date();
  const times = timed(jobs, zoneOf(schedule, what));
  const findings = [
    ...(what === 'crontab' || what === 'systemd' ? credentialFindings(credentialProblems(schedule, context)) : []),
    ...clockFindings(times, now),
  ];
  const remove = options['remove'] === true;
  if (options['install'] !== true && !remove) {
    // Only the text goes to stdout: it is made for a file or a pipe.
    for (const { object, message } of findings) context.talk.warn(`${object}: ${message}`);
    return { text: (await scheduler.render(schedule, options)).trimEnd(), data: { jobs: jobsData(times, now) } };
  }
  const installed = await scheduler.install!(context, schedule, options, remove);
  if (options['dryRun'] !== true) {
    const { forgetInstallation, recordInstallation } = await import('../schedule/last-runs.ts');
    if (remove) forgetInstallation(schedule);
    else recordInstallation(schedule, what, now);
  }
  for (const line of installed.left) context.talk.warn(`still to be run, since it failed here: ${line}`);
  return {
    text: describeInstalled(schedule.name, installed, { remove, dryRun: options['dryRun'] === true }),
    findings: remove ? [] : [...findings, ...leftFindings(installed)],
    tables: remove ? [] : [nextRunsTable(times, schedule.machineZone, now)],
    data: { ...installed, name: schedule.name, jobs: remove ? [] : jobsData(times, now) },
  };
}

function leftFindings({ left }: Installed) {
  return left.map((line) => ({
    check: 'schedule-not-started',
    severity: 'warning' as const,
    object: 'systemd',
    message: 'the timers are written and not started: systemctl failed',
    remediation: line,
  }));
}

function describeInstalled(
  name: string,
  { changed, places }: Pick<Installed, 'changed' | 'places'>,
  { remove, dryRun }: { readonly remove: boolean; readonly dryRun: boolean },
): string {
  if (!changed) return `Nothing to do: schedule "${name}" is ${remove ? 'not there' : 'in place already'}`;
  const done = remove ? 'removed from' : 'installed in';
  return `Schedule "${name}" ${dryRun ? 'would be' : 'is'} ${done} ${places.join(', ')}`;
}

async function pgCron(context: Context, schedule: Schedule, options: Options): Promise<CommandResult> {
  const { planPgCron, renderPgCron, SQL_JOBS } = await import('../schedule/pg-cron-plan.ts');
  const remove = options['remove'] === true;
  if (options['install'] !== true && !remove) return { text: renderPgCron(schedule.name, SQL_JOBS).trimEnd() };
  const { applyPgCron, readPgCron } = await import('../schedule/pg-cron.ts');
  const { jobsData, nextRunsTable } = await import('../schedule/result.ts');
  const { openSession } = await import('../migrations/open.ts');
  const target = await context.target();
  const session = await openSession(target, 'aisha-db schedule', {}, runHooks(context, target));
  try {
    const facts = await readPgCron(session, schedule.name);
    const plan = planPgCron(schedule.name, remove ? [] : SQL_JOBS, facts.jobs);
    const changed = plan.put.length + plan.remove.length > 0;
    const dryRun = options['dryRun'] === true;
    if (changed && !dryRun) {
      for (const { name, at, sql } of plan.put) context.talk.warn(`put ${name}: ${at} ${sql}`);
      for (const name of plan.remove) context.talk.warn(`remove ${name}`);
      await context.confirm(target);
      await applyPgCron(session, schedule.name, plan);
    }
    const now = new Date();
    const jobs = timed(remove ? [] : SQL_JOBS, facts.zone);
    return {
      text: describeInstalled(schedule.name, { changed, places: ['cron.job'] }, { remove, dryRun }),
      tables: remove ? [] : [nextRunsTable(jobs, schedule.machineZone, now)],
      data: { changed, put: plan.put.map(({ name }) => name), removed: plan.remove, jobs: jobsData(jobs, now) },
    };
  } finally {
    await session.close();
  }
}

async function check(context: Context, schedule: Schedule, options: Options): Promise<CommandResult> {
  const { judge, latestRun, recordedRun } = await import('../schedule/verdict.ts');
  const { readInstallation, readReport } = await import('../schedule/last-runs.ts');
  const { checkResult, zoneOf } = await import('../schedule/result.ts');
  const installation = readInstallation(schedule);
  const now = new Date();
  const zone = zoneOf(schedule, installation?.as);
  const duty = { zone, graceMs: context.config.schedule.graceMs, since: installation?.installedAt };
  const backups = await lastBackups(context);
  const history = await readHistory(context);
  const judged = schedule.jobs.map(({ name, at, trace, ...job }): Judged => {
    const report = readReport(schedule, { name, at, trace, ...job });
    const backup = trace.kind === 'backup' ? backups.get(trace.backupClass) : undefined;
    return {
      name,
      at,
      zone,
      trace: trace.kind,
      verdict: judge({ at, ...duty }, latestRun(report, backup, recordedRun(job.run, history)), now),
    };
  });
  const ofServer = options['pgCron'] === true ? await checkPgCron(context, schedule, now) : [];
  return checkResult([...judged, ...ofServer], schedule.machineZone, now);
}

/** What the database remembers of maintenance; reports and backups still tell where it cannot be reached. */
async function readHistory(context: Context): Promise<readonly RecordedRun[]> {
  const { History } = await import('../maintenance/history-table.ts');
  const { openSession } = await import('../migrations/open.ts');
  try {
    const target = await context.target();
    const session = await openSession(target, 'aisha-db schedule', {}, runHooks(context, target));
    try {
      return await new History(session, context.config.ledger.schema).lastOfEach();
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof AishaError) || error.kind !== 'connection') throw error;
    context.talk.warn(`judged without the history of maintenance: ${error.message}`);
    return [];
  }
}

/** The newest good backup of each class of this database: also one that another machine took into the same store. */
async function lastBackups(context: Context): Promise<ReadonlyMap<string, LastRun>> {
  const { readStore } = await import('../backup/store.ts');
  const { database, host, port } = await context.target();
  const ours = readStore(storeFolder(context)).backups.filter(
    ({ manifest }) =>
      manifest.database.name === database && manifest.server.host === host && manifest.server.port === port,
  );
  return new Map(
    ours.map(({ manifest }) => [
      manifest.class,
      { startedAt: new Date(manifest.createdAt), exitCode: 0, reason: undefined },
    ]),
  );
}

async function checkPgCron(context: Context, schedule: Schedule, now: Date): Promise<readonly Judged[]> {
  const { readPgCron, readPgCronRuns } = await import('../schedule/pg-cron.ts');
  const { pgCronPrefix } = await import('../schedule/pg-cron-plan.ts');
  const { judge } = await import('../schedule/verdict.ts');
  const { openSession } = await import('../migrations/open.ts');
  const target = await context.target();
  const session = await openSession(target, 'aisha-db schedule', {}, runHooks(context, target));
  try {
    const { jobs, zone } = await readPgCron(session, schedule.name);
    const runs = new Map((await readPgCronRuns(session, schedule.name)).map((run) => [run.jobname, run]));
    return jobs.map(({ jobname, schedule: at }): Judged => {
      const run = runs.get(jobname);
      const lastRun =
        run === undefined
          ? undefined
          : { startedAt: run.startedAt, exitCode: run.succeeded ? 0 : 70, reason: run.message };
      // pg_cron does not keep since when a job is there: one that never ran is not blamed.
      const since = lastRun === undefined ? now : undefined;
      const verdict = judge({ at, zone, graceMs: context.config.schedule.graceMs, since }, lastRun, now);
      return { name: jobname.slice(pgCronPrefix(schedule.name).length), at, zone, trace: 'pg_cron', verdict };
    });
  } finally {
    await session.close();
  }
}
