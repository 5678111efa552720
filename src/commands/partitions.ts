import { runHooks } from '../cli/migration.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { openSession } from '../migrations/open.ts';
import { readClock, readPartitionedTables } from '../partitions/catalog.ts';
import { addSteps, detachStatement, expired, type PartitionedTable, STEPS, stepOf } from '../partitions/plan.ts';
import {
  blockedFinding,
  defaultFinding,
  failedFinding,
  formatRange,
  nameOf,
  protectionFindings,
  stepFinding,
  tablesTable,
} from '../partitions/result.ts';
import { countDefaults, detach, makePartition, type Planned, planComing } from '../partitions/work.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import type { Command, Context } from './command.ts';

const ACTIONS = ['show', 'create', 'detach', 'convert'] as const;
const CREATED = { id: 'partitions-created', title: 'The coming partitions are there' } as const;

/** What the actions share. */
interface Run {
  readonly context: Context;
  readonly session: Session;
  readonly tables: readonly PartitionedTable[];
  readonly now: number;
  readonly ahead: number;
  readonly dryRun: boolean;
}

export const command: Command = {
  summary: 'look after tables partitioned by time: make the coming partitions, detach old ones, convert a plain table',
  description:
    'show lists the tables that are partitioned by ranges of time, which partitions are missing ahead, rows in default partitions, and partitions that RLS does not protect when they are named directly. create makes the coming ones, as long and named as those that are there, with the RLS, policies, grants and indexes of their newest sibling. detach takes partitions off that ended before the retention; it never drops one. convert writes a migration that makes a plain table partitioned while others work on it, and can be killed and gone on with at any time; migrate runs it (docs/partitions.md).',
  examples: [
    'aisha-db partitions',
    'aisha-db partitions create --dry-run',
    'aisha-db partitions create public.events --ahead 6',
    'aisha-db partitions detach public.events --keep 24 --dry-run',
    'aisha-db partitions convert public.activities --by created_at --interval month',
  ],
  database: true,
  failures: ['lock'],
  words: () => ACTIONS,
  configure(command) {
    command
      .argument('[action]', ACTIONS.join(', '), 'show')
      .argument('[tables...]', 'partitioned tables, as SCHEMA.NAME; all of them by default')
      .option('--ahead <number>', 'partitions ahead of that of now', '3')
      .option('--keep <number>', 'of detach: whole partitions to keep before that of now')
      .option('--by <column>', 'of convert: the column of time')
      .option('--interval <step>', `of convert: how long a partition is, ${STEPS.join(', ')}`, 'month')
      .option('--since <date>', 'of convert: when the first partition begins; by default where the rows do')
      .option('--dir <folder>', 'of convert: folder of SQL files')
      .option('--dry-run', 'show the statements; change and write nothing');
  },
  async run(context, [action = 'show', ...names], options) {
    checkAction(action, names, options);
    const target = await context.target();
    // Unattended, one lock that is not given shall not hold up what waits behind it.
    const settings = { lock_timeout: String(context.config.lockTimeoutMs) };
    const session = await openSession(target, 'aisha-db partitions', settings, runHooks(context, target));
    try {
      const [version] = await session.query<{ number: number }>(
        "select pg_catalog.current_setting('server_version_num')::integer as number",
      );
      if (action === 'convert') return await convert(context, session, names[0]!, options);
      const tables = choose(await readPartitionedTables(session, version!.number), names);
      const now = await readClock(session);
      const ahead = readNumber(options['ahead'], '--ahead');
      const run = { context, session, tables, now, ahead, dryRun: options['dryRun'] === true };
      if (action === 'show') return await show(run);
      if (action === 'create') return await create(run);
      return await detachOld(run, readNumber(options['keep'], '--keep'), version!.number);
    } catch (error) {
      throw lockError(error);
    } finally {
      await session.close();
    }
  },
};

async function convert(
  context: Context,
  session: Session,
  table: string,
  options: Readonly<Record<string, unknown>>,
): Promise<CommandResult> {
  const { writeConversion } = await import('../cli/partitions-convert.ts');
  return writeConversion(context, session, {
    table,
    by: String(options['by']),
    interval: String(options['interval']),
    since: options['since'] as string | undefined,
    dryRun: options['dryRun'] === true,
    ahead: readNumber(options['ahead'], '--ahead'),
    now: await readClock(session),
  });
}

function lockError(error: unknown): unknown {
  if (serverError(error)?.code !== SQLSTATE.lockNotAvailable) return error;
  return new AishaError('lock', 'a table or a partition of it is in use: the lock was not acquired in time', {
    hint: 'Run it again when the other session is done, or set lockTimeout in the configuration.',
    cause: error,
  });
}

function checkAction(action: string, names: readonly string[], options: Readonly<Record<string, unknown>>): void {
  if (!ACTIONS.some((known) => known === action)) {
    const meant = didYouMean(action, ACTIONS);
    throw new AishaError('usage', `partitions cannot "${action}"`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}It can ${ACTIONS.join(', ')}.`,
    });
  }
  if (action === 'convert' && (names.length !== 1 || options['by'] === undefined)) {
    throw new AishaError('usage', 'partitions convert needs one table and --by', {
      hint: 'For example: aisha-db partitions convert public.activities --by created_at.',
    });
  }
  if (action === 'detach' && (names.length === 0 || options['keep'] === undefined)) {
    throw new AishaError('usage', 'partitions detach needs tables and --keep', {
      hint: 'For example: aisha-db partitions detach public.events --keep 24.',
    });
  }
}

function readNumber(text: unknown, option: string): number {
  if (text === undefined) return 0;
  if (/^\d{1,3}$/.test(String(text))) return Number(text);
  throw new AishaError('usage', `${option} "${String(text)}" is not a number from 0 to 999`, {
    hint: 'It counts partitions.',
  });
}

function choose(tables: readonly PartitionedTable[], names: readonly string[]): readonly PartitionedTable[] {
  if (names.length === 0) return tables;
  const unknown = names.filter((name) => !tables.some((table) => nameOf(table) === name));
  if (unknown.length > 0) {
    throw new AishaError('usage', `no table partitioned by time is called ${unknown.join(', ')}`, {
      hint: `There ${tables.length === 0 ? 'is none' : `are ${tables.map(nameOf).join(', ')}`}; names are written as SCHEMA.NAME.`,
    });
  }
  return tables.filter((table) => names.includes(nameOf(table)));
}

async function planAll({ session, tables, now, ahead }: Run): Promise<readonly Planned[]> {
  const plans: Planned[] = [];
  for (const table of tables) plans.push(...(await planComing(session, table, now, ahead)));
  return plans;
}

async function show(run: Run): Promise<CommandResult> {
  const { session, tables } = run;
  const plans = await planAll(run);
  const defaults = await countDefaults(session, tables);
  const missing = new Map(tables.map((table) => [table, plans.filter((plan) => plan.table === table).length]));
  const findings = [
    ...tables.flatMap((table) => [
      ...protectionFindings(table),
      ...stepFinding(table),
      ...defaultFinding(table, ...defaultOf(table, defaults)),
    ]),
    ...plans.flatMap(({ table, coming, blocking }) => (blocking > 0 ? [blockedFinding(table, coming, blocking)] : [])),
    ...plans.flatMap(missingFinding),
  ];
  return {
    text: `${counted(tables.length, 'table')} partitioned by time, ${counted(plans.length, 'partition')} missing ahead`,
    checks: [
      {
        id: 'partitions',
        title: 'Partitions are there ahead, protected and not in the default',
        status: findings.length > 0 ? 'failed' : 'passed',
      },
    ],
    findings,
    tables: [tablesTable(tables, missing)],
    data: { tables, missing: plans.map(({ table, coming }) => ({ table: nameOf(table), ...describe(coming) })) },
  };
}

function defaultOf(
  table: PartitionedTable,
  defaults: Awaited<ReturnType<typeof countDefaults>>,
): [PartitionedTable['partitions'][number], number] {
  const found = defaults.get(table);
  return [found?.partition ?? table.partitions[0]!, found?.rows ?? 0];
}

function missingFinding({ table, coming }: Planned): readonly Finding[] {
  return [
    {
      check: 'partition-missing',
      severity: 'info',
      object: `${table.schema}.${coming.name}`,
      message: `the partition of ${nameOf(table)} for ${formatRange(coming)} is not there`,
      remediation: 'aisha-db partitions create --dry-run',
    },
  ];
}

function describe({ name, from, to }: Planned['coming']) {
  return { partition: name, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

async function create(run: Run): Promise<CommandResult> {
  const { context, session, dryRun } = run;
  const plans = await planAll(run);
  const possible = plans.filter(({ blocking, problem }) => blocking === 0 && problem === undefined);
  for (const { statements } of possible) for (const statement of statements) context.talk.info(`${statement};`);
  if (!dryRun && possible.length > 0) await context.confirm(session.target);
  const findings: Finding[] = [];
  const made: Planned[] = [];
  for (const plan of plans) {
    context.signal.throwIfAborted();
    const { table, coming, blocking, problem } = plan;
    const name = `${table.schema}.${coming.name}`;
    if (blocking > 0) findings.push(blockedFinding(table, coming, blocking));
    else if (problem !== undefined) findings.push(failedFinding('partition-not-created', name, problem));
    else {
      const reason = dryRun ? undefined : await makePartition(session, plan);
      if (reason === undefined) made.push(plan);
      else findings.push(failedFinding('partition-not-created', name, reason));
    }
  }
  return {
    text: `${counted(made.length, 'partition')} ${dryRun ? 'would be made' : 'made'}${findings.length > 0 ? `, ${findings.length} could not be` : ''}`,
    checks: [{ ...CREATED, status: findings.length > 0 ? 'failed' : 'passed' }],
    findings: [...findings, ...run.tables.flatMap(stepFinding)],
    tables: [
      {
        columns: ['table', 'partition', 'range'],
        rows: made.map(({ table, coming }) => [nameOf(table), coming.name, formatRange(coming)]),
      },
    ],
    data: {
      dryRun,
      created: made.map(({ table, coming, statements }) => ({ table: nameOf(table), ...describe(coming), statements })),
    },
  };
}

async function detachOld(run: Run, keep: number, versionNumber: number): Promise<CommandResult> {
  const { context, session, tables, now, dryRun } = run;
  const plans = tables.flatMap((table) => {
    const step = stepOf(table);
    const old = step === undefined ? [] : expired(table, addSteps(now, step, -keep));
    return old.map((partition) => ({ table, partition, statement: detachStatement(table, partition, versionNumber) }));
  });
  for (const { statement } of plans) context.talk.warn(`${statement};`);
  if (!dryRun && plans.length > 0) await context.confirm(session.target);
  const findings: Finding[] = tables.flatMap(stepFinding);
  const detached: string[] = [];
  for (const { partition, statement } of plans) {
    context.signal.throwIfAborted();
    const reason = dryRun ? undefined : await detach(session, statement);
    if (reason === undefined) detached.push(nameOf(partition));
    else findings.push(failedFinding('partition-not-detached', nameOf(partition), reason));
  }
  return {
    text: `${counted(detached.length, 'partition')} ${dryRun ? 'would be detached' : 'detached'}; none is dropped`,
    checks: [
      {
        id: 'partitions-detached',
        title: 'Partitions past their retention are detached',
        status: findings.length > 0 ? 'failed' : 'passed',
      },
    ],
    findings,
    tables: [{ columns: ['statement'], rows: plans.map(({ statement }) => [`${statement};`]) }],
    data: { dryRun, detached, statements: plans.map(({ statement }) => statement) },
  };
}
