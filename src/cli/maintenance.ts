import type { Context } from '../commands/command.ts';
import { readCapabilities } from '../diagnostics/capabilities.ts';
import type { Definition } from '../diagnostics/definition.ts';
import type { Outcome } from '../diagnostics/facts.ts';
import type { Capabilities } from '../diagnostics/needs.ts';
import { runChecks } from '../diagnostics/run.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import type { Bloat, Facts } from '../maintenance/facts.ts';
import { History } from '../maintenance/history-table.ts';
import { parseWindow, type Window } from '../maintenance/pace.ts';
import {
  LOCKS,
  type Plan,
  planDrops,
  planFull,
  planWork,
  type Rates,
  type WorkKind,
  type WorkRequest,
} from '../maintenance/plan.ts';
import { readActivity } from '../maintenance/read-activity.ts';
import { readFacts } from '../maintenance/read-facts.ts';
import { describeOutcome, planReport, type Undecided, workReport } from '../maintenance/report.ts';
import { lockMaintenance } from '../maintenance/run-lock.ts';
import { sessionSettings } from '../maintenance/session-settings.ts';
import type { MaintenanceSettings } from '../maintenance/settings.ts';
import { carryOut, type WorkBench, type WorkOutcome, type WorkState } from '../maintenance/work.ts';
import { runningMigration } from '../migrations/lock.ts';
import { openSession } from '../migrations/open.ts';
import { refusePooledSessions, refusePoolerAddress } from '../postgres/pooler.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import { configuredChecks } from './diagnosis.ts';
import { runHooks, runSettings } from './migration.ts';
import { version } from './version.ts';

export interface MaintenanceRun extends WorkRequest {
  /** Of the command, for pg_stat_activity. */
  readonly command: string;
  /** A table for VACUUM FULL, in place of everything else. */
  readonly full: string | undefined;
  /** Unused indexes to drop, in place of everything else. */
  readonly drops: readonly string[];
  readonly dryRun: boolean;
  /** Measures the bloat of indexes with pgstattuple, in place of estimating it. */
  readonly exact: boolean;
  readonly jobs: number | undefined;
  readonly window: Window | undefined;
}

/** What the options of the maintenance commands say. */
export function maintenanceRun(
  command: string,
  kinds: readonly ('vacuum' | 'analyze' | 'reindex')[],
  names: readonly string[],
  options: Readonly<Record<string, unknown>>,
): MaintenanceRun {
  const text = (name: string) => options[name] as string | undefined;
  const maxDuration = text('maxDuration');
  return {
    command,
    kinds: new Set(kinds),
    names,
    full: text('full'),
    drops: (options['dropUnused'] as string[] | undefined) ?? [],
    dryRun: options['dryRun'] === true,
    exact: options['exact'] === true,
    jobs: readJobs(text('jobs')),
    window: parseWindow(
      text('until'),
      maxDuration === undefined ? undefined : parseDuration(maxDuration, '--max-duration'),
      new Date(),
    ),
  };
}

function readJobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 32) return jobs;
  throw new AishaError('usage', `--jobs "${text}" is not a number from 1 to 32`, {
    hint: 'Each is a connection that reads and writes as fast as the disk can.',
  });
}

/** A database under the lock of maintenance, and what every task wants to know of it. */
export interface Maintenance {
  /** Holds the lock, asks, and records. */
  readonly control: Session;
  readonly capabilities: Capabilities;
  readonly history: History;
}

/** Plans the statements and, unless only the plan is wanted, carries them out under the lock of maintenance. */
export function runMaintenance(context: Context, run: MaintenanceRun): Promise<CommandResult> {
  return withMaintenance(context, run, async (maintenance) => {
    const { result, outcomes } = await work(context, maintenance, run);
    await maintenance.history.end(outcomeOf(outcomes), undefined);
    return result;
  });
}

/**
 * Takes the lock and begins the record; with `dryRun` it only reads, and needs neither.
 * @throws AishaError (connection) for a standby or a transaction pooler; (lock) when another run has it
 */
export async function withMaintenance<T>(
  context: Context,
  { command, dryRun }: Pick<MaintenanceRun, 'command' | 'dryRun'>,
  use: (maintenance: Maintenance) => Promise<T>,
): Promise<T> {
  const { config, talk } = context;
  const target = await context.target();
  refusePoolerAddress(target);
  const control = await openSession(target, `aisha-db ${command}`, {}, runHooks(context, target));
  try {
    await refuseStandby(control);
    const history = new History(control, config.ledger.schema);
    if (!dryRun) {
      await refusePooled(control, context, command);
      await lockMaintenance(control, config.ledger.schema);
      const obstacle = await history.begin(command, runSettings(context).appliedFrom, version());
      if (obstacle !== undefined) talk.warn(`this run is not recorded: ${obstacle}`);
    }
    const capabilities = await readCapabilities(control, [], config.diagnostics.ignoreSchemas);
    return await use({ control, capabilities, history });
  } finally {
    await control.close();
  }
}

/** What a run of statements came to. */
export interface Worked {
  readonly result: CommandResult;
  readonly outcomes: readonly WorkOutcome[];
  /** As they were before. */
  readonly facts: Facts;
}

/** Plans the statements of a run and carries them out, or only shows them. */
export async function work(context: Context, maintenance: Maintenance, run: MaintenanceRun): Promise<Worked> {
  const { control, capabilities, history } = maintenance;
  const { maintenance: configured } = context.config;
  const settings = { ...configured, jobs: run.jobs ?? configured.jobs };
  const { ignoredSchemas } = capabilities;
  const { bloat, undecided } = await readBloat(context, run);
  const facts = await readFacts(control, { ignoredSchemas, bloat });
  const rates = await history.rates();
  const plan =
    run.drops.length > 0 ? await planUnused(context, facts, run.drops, rates) : makePlan(facts, run, settings, rates);
  const session = sessionSettings(settings, lockTimeout(context));
  const about = { items: plan.items, kinds: checkedKinds(run), undecided, session };
  if (run.dryRun) return { result: planReport(about), outcomes: [], facts };
  if (run.full !== undefined) await confirmFull(plan, context, run);
  if (run.drops.length > 0) await confirmDrops(plan, context);
  const outcomes = await carryOut(plan.items, makeBench(context, maintenance, run, settings));
  const { holders } = await readActivity(control, []);
  return { result: workReport({ ...about, outcomes, holders, busy: settings.busy }), outcomes, facts };
}

function checkedKinds({ full, drops, kinds }: MaintenanceRun): readonly WorkKind[] {
  if (drops.length > 0) return ['drop-unused'];
  if (full !== undefined) return ['vacuum-full'];
  return [...kinds, ...(kinds.has('reindex') ? (['drop-leftover'] as const) : [])];
}

/** How the record of a run ends. */
export function outcomeOf(outcomes: readonly WorkOutcome[]): 'done' | 'stopped' | 'failed' {
  const has = (...states: readonly WorkState[]) => outcomes.some(({ state }) => states.includes(state));
  return has('left', 'cut') ? 'stopped' : has('failed') ? 'failed' : 'done';
}

/** @throws AishaError (usage) for names that nothing has */
function makePlan(facts: Facts, run: MaintenanceRun, settings: MaintenanceSettings, rates: Rates): Plan {
  const plan = run.full === undefined ? planWork(facts, run, settings, rates) : planFull(facts, run.full, rates);
  if (plan.unknown.length === 0) return plan;
  throw new AishaError('usage', `no table or index ${plan.unknown.map((name) => `"${name}"`).join(', ')}`, {
    hint: 'Write it as reports do, quoted where SQL wants it: public.users, public."Users".',
  });
}

/**
 * Indexes are dropped only by name, and only when the check says as well that nothing used them for long enough.
 * @throws AishaError (usage) for those that are used, or about which the counters say nothing yet
 */
async function planUnused(context: Context, facts: Facts, names: readonly string[], rates: Rates): Promise<Plan> {
  const { outcome, definition } = await askCheck(context, 'unused-index');
  if (outcome.kind !== 'facts') throw notDropped(names, outcome.reason);
  const [first] = outcome.rows;
  const days = Number(first?.['window_days'] ?? 0);
  const needed = definition.windowDays ?? 0;
  if (first !== undefined && days < needed) {
    throw notDropped(names, `the counters cover ${Math.floor(days)} days, and ${needed} are needed`);
  }
  const unused = outcome.rows.map((row) => ({ label: String(row['object']), undo: String(row['undo']) }));
  const plan = planDrops(facts, names, unused, rates);
  if (plan.unknown.length > 0) throw notDropped(plan.unknown, 'it is not among those that nothing uses');
  return plan;
}

function notDropped(names: readonly string[], reason: string): AishaError {
  return new AishaError('usage', `not dropped: ${names.map((name) => `"${name}"`).join(', ')}: ${reason}`, {
    hint: 'aisha-db diagnose unused-index lists the indexes that nothing uses, and what it needs to tell.',
  });
}

async function confirmDrops({ items }: Plan, context: Context): Promise<void> {
  for (const { object, reason } of items) context.talk.warn(`drop index ${object}: ${reason}`);
  await context.confirm(await context.target());
}

/** VACUUM FULL locks a table for minutes or hours: it wants a window that it fits into, and a yes. */
async function confirmFull({ items: [item] }: Plan, context: Context, { window }: MaintenanceRun): Promise<void> {
  if (item === undefined || item.skipped !== undefined) return;
  const cost = `${LOCKS['vacuum-full']}, for about ${formatDuration(item.estimatedMs)}; it takes up to ${quantity(item.bytes, 'bytes')} more on disk`;
  if (window === undefined) {
    throw new AishaError('usage', `vacuum full of ${item.object} needs a maintenance window`, {
      details: [cost],
      hint: 'Say when it has to be over: --until 05:00 or --max-duration 30min; what is not done by then is undone.',
    });
  }
  if (Date.now() + item.estimatedMs > window.deadline) {
    throw new AishaError('usage', `vacuum full of ${item.object} does not fit into the window (${window.text})`, {
      details: [cost],
      hint: 'Name a longer window, or use pg_repack, which locks the table only for a moment.',
    });
  }
  context.talk.warn(`vacuum full ${item.object}: ${cost}`);
  await context.confirm(await context.target());
}

/** Never 0: nobody would wait for ever beside a cron job. */
function lockTimeout({ config }: Pick<Context, 'config'>): number {
  return config.lockTimeoutMs || 5_000;
}

function makeBench(
  { config, talk, signal }: Context,
  { control, capabilities, history }: Maintenance,
  run: MaintenanceRun,
  settings: MaintenanceSettings,
): WorkBench {
  return {
    control,
    openSession: (onWarning) => openWorkSession(control.target, run.command, signal, onWarning),
    settings,
    ignoredSchemas: capabilities.ignoredSchemas,
    lockTimeoutMs: lockTimeout({ config }),
    window: run.window,
    signal,
    runningMigration: (session) => runningMigration(session, config.ledger),
    info: (line) => talk.info(line),
    // A terminal sees a bar move; a log gets a line now and then.
    progress: talk.interactive
      ? { everyMs: 500, tell: (line) => talk.status(line) }
      : { everyMs: 30_000, tell: (line) => talk.info(line) },
    onEnd: async (outcome) => {
      talk.info(describeOutcome(outcome));
      const { item, startedAt, ...ending } = outcome;
      const { kind, object, statement, bytes } = item;
      await history.add({ ...ending, task: kind, object, statement, bytesRead: bytes });
    },
  };
}

function openWorkSession(
  target: Target,
  command: string,
  signal: AbortSignal,
  onWarning: (line: string) => void,
): Promise<Session> {
  return Session.open(target, {
    applicationName: `aisha-db ${command}`,
    signal,
    onNotice: ({ severity, message }) => {
      if (severity === 'WARNING') onWarning(message ?? '');
    },
  });
}

async function refuseStandby(session: Session): Promise<void> {
  const [row] = await session.query<{ standby: boolean }>('select pg_catalog.pg_is_in_recovery() as standby');
  if (row!.standby) {
    throw new AishaError('connection', `${session.target.describe()} is a standby: nothing can be maintained there`, {
      hint: 'Connect to the primary; the standby follows it.',
    });
  }
}

async function refusePooled(control: Session, { signal }: Context, command: string): Promise<void> {
  const other = await openWorkSession(control.target, command, signal, () => {});
  try {
    await refusePooledSessions(control.target, control, other);
  } finally {
    await other.close();
  }
}

// ── bloat: what the checks say ──────────────────────────────────────────────────────────────────────────────────────

interface KnownBloat {
  readonly bloat: ReadonlyMap<string, Bloat>;
  readonly undecided: ReadonlyMap<WorkKind, Undecided>;
}

/** Asks the check that estimates the bloat of indexes, or the one that measures it. */
async function readBloat(context: Context, { kinds, names, drops, exact }: MaintenanceRun): Promise<KnownBloat> {
  if (!kinds.has('reindex') || names.length > 0 || drops.length > 0) return { bloat: new Map(), undecided: new Map() };
  const { outcome } = await askCheck(context, exact ? 'index-bloat-exact' : 'index-bloat');
  if (outcome.kind !== 'facts') {
    return {
      bloat: new Map(),
      undecided: new Map([['reindex', { reason: outcome.reason, remediation: outcome.remediation }]]),
    };
  }
  const isDecided = (row: Readonly<Record<string, unknown>>) =>
    row['undecided'] === null || row['undecided'] === undefined;
  const [open] = outcome.rows.filter((row) => !isDecided(row));
  return {
    bloat: new Map(
      outcome.rows
        .filter(isDecided)
        .map((row) => [
          String(row['object']),
          { bytes: Number(row['bytes']), wasted: Number(row['wasted']), percent: Number(row['percent']) },
        ]),
    ),
    undecided:
      open === undefined
        ? new Map()
        : new Map([['reindex', { reason: String(open['undecided']), remediation: String(open['decided_by'] ?? '') }]]),
  };
}

/** What the query of one check says, before it is judged. */
async function askCheck(
  context: Context,
  id: string,
): Promise<{ readonly definition: Definition; readonly outcome: Outcome }> {
  const definitions = configuredChecks(context).flatMap(({ definition }) => (definition.id === id ? [definition] : []));
  const { diagnostics } = context.config;
  const quietly = { signal: context.signal, connected: () => {}, onProgress: () => {} };
  const { outcomes } = await runChecks(await context.target(), definitions, { ...diagnostics, ...quietly });
  return { definition: definitions[0]!, outcome: outcomes.get(id)! };
}
