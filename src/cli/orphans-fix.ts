import os from 'node:os';
import type { Context } from '../commands/command.ts';
import { parseDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import type { CountResult } from '../orphans/count.ts';
import { fixRelation } from '../orphans/fix.ts';
import { readFixFacts } from '../orphans/fix-catalog.ts';
import { describePlan, type FixKind, type FixPlan, planFix } from '../orphans/fix-plan.ts';
import { choicesResult, planResult, type Repaired, refusalOf, repairResult } from '../orphans/fix-result.ts';
import { backupOf } from '../orphans/fix-sql.ts';
import { planRestore, restore } from '../orphans/restore.ts';
import { countResult } from '../orphans/result.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import { countRelations } from './orphans.ts';

type Options = Readonly<Record<string, unknown>>;

/** Longer than deadlock_timeout: an autovacuum that is in the way is asked to leave only after that. */
const LOCK_TIMEOUT_MS = 2_000;
/** For questions to the catalog and for counting what cascades reach. */
const LOOK_LOCK_MS = 250;
const PROGRESS_MS = 2_000;

/** `--fix`: plans, asks, and repairs; `--fix report` stops after the plan. */
export async function fixOrphans(context: Context, names: readonly string[], options: Options): Promise<CommandResult> {
  const settings = readSettings(context, options);
  const target = await context.target();
  refusePoolerAddress(target);
  const look = await countRelations(context, target, names, { ...options, list: false });
  const counted = countResult(look);
  const session = await open(context, target);
  try {
    if (options['fix'] === 'report') return await report(session, context, look, counted, settings);
    const plans = await plan(session, context, look, options['fix'] as FixKind, settings);
    if (plans.length === 0) return { ...counted, text: `${counted.text} There is nothing to repair.` };
    const { tables } = look.facts;
    const refusal = refusalOf(plans);
    if (refusal !== undefined || options['dryRun'] === true) return planResult(plans, tables, refusal);
    for (const line of plans.flatMap((one) => describePlan(one, tables))) context.talk.warn(line);
    await context.confirm(target);
    const done = await repair(session, context, plans, settings);
    // What could not be counted was not repaired either, and is said again.
    const undecided = (counted.checks ?? []).filter(({ id, status }) => status === 'unknown' && id.includes('/'));
    return { ...repairResult(done, tables), checks: undecided };
  } finally {
    await session.close();
  }
}

/** `--restore`: puts the rows of a repair back. */
export async function restoreOrphans(context: Context, options: Options): Promise<CommandResult> {
  const text = String(options['restore']);
  if (!/^\d{1,9}$/.test(text)) {
    throw new AishaError('usage', `--restore "${text}" is not the number of a repair`, {
      hint: 'The report of the repair names it.',
    });
  }
  const { schema } = context.config.ledger;
  const target = await context.target();
  refusePoolerAddress(target);
  const session = await open(context, target);
  try {
    const found = await planRestore(session, schema, Number(text));
    const { record, saved, statements, invalidates } = found;
    const rows = saved.map(({ table, rows: count }) => [table, String(count)]);
    const tables = [{ title: 'Saved rows', columns: ['table', 'rows'], rows, alignRight: [1] }];
    const data = { restore: { id: record.id, relation: record.relation, kind: record.kind, saved, statements } };
    const note = invalidates === undefined ? '' : ` The foreign key ${invalidates} is not valid afterwards.`;
    if (options['dryRun'] === true) {
      const script = ['begin;', ...statements.map((statement) => `${statement};`), 'commit;'].join('\n');
      return { text: `Nothing was changed: this is what would be.${note}\n\n${script}`, tables, data };
    }
    for (const { table, rows: count } of saved) context.talk.warn(`put back: ${count} rows of ${table}`);
    if (note !== '') context.talk.warn(note.trim());
    await context.confirm(target);
    await session.query(`set lock_timeout = ${readSettings(context, options).lockTimeoutMs}`);
    const tags = await restore(session, schema, found);
    return { text: `${describeRestored(record.id, saved, tags)}${note}`, tables, data };
  } finally {
    await session.close();
  }
}

/** A row that collides with one that came since is not put back, and that is said. */
function describeRestored(id: number, saved: readonly { readonly rows: number }[], tags: readonly string[]): string {
  const total = saved.reduce((sum, { rows }) => sum + rows, 0);
  const written = tags.reduce((sum, tag) => sum + Number(tag.split(' ').at(-1)), 0);
  const left = total - written;
  const others =
    left <= 0 ? '' : ` ${left} were left alone: they are there again, or another row has their key or value.`;
  return `Repair ${id} was put back: ${written} of ${total} rows.${others}`;
}

interface Settings {
  readonly batchSize: number;
  readonly pauseMs: number;
  readonly lockTimeoutMs: number;
  readonly timeoutMs: number;
  readonly accepted: { readonly cascade: boolean; readonly triggers: boolean };
}

function readSettings({ config }: Context, options: Options): Settings {
  const duration = (name: string, option: string, otherwise: number): number =>
    typeof options[name] === 'string' ? parseDuration(options[name], option) : otherwise;
  const size = String(options['batchSize'] ?? '1000');
  if (!/^[1-9]\d{0,5}$/.test(size)) {
    throw new AishaError('usage', `--batch-size "${size}" is not a number of rows`, {
      hint: 'Write a whole number from 1 to 999999.',
    });
  }
  return {
    batchSize: Number(size),
    pauseMs: duration('pause', '--pause', 100),
    lockTimeoutMs: duration('lockTimeout', '--lock-timeout', LOCK_TIMEOUT_MS),
    timeoutMs: duration('relationTimeout', '--relation-timeout', config.orphans.timeoutMs),
    accepted: { cascade: options['cascade'] === true, triggers: options['triggers'] === true },
  };
}

function open({ signal, talk }: Context, target: Target): Promise<Session> {
  return Session.open(target, {
    applicationName: 'aisha-db orphans',
    signal,
    onNotice: ({ severity, message }) => {
      if (severity === 'WARNING') talk.warn(`warning: ${message}`);
    },
  });
}

function plan(
  session: Session,
  context: Context,
  look: CountResult,
  kind: FixKind,
  settings: Settings,
): Promise<FixPlan[]> {
  const found = look.counted.filter(({ orphans }) => (orphans ?? 0) > 0);
  return inOrder(found, ({ relation, orphans }) =>
    planOne(session, context, look, { relation, orphans: orphans!, kind }, settings),
  );
}

async function planOne(
  session: Session,
  { signal }: Context,
  { facts, known }: CountResult,
  job: Parameters<typeof readFixFacts>[2],
  { timeoutMs, accepted }: Settings,
): Promise<FixPlan> {
  const fixFacts = await readFixFacts(session, facts, job, { timeoutMs, lockTimeoutMs: LOOK_LOCK_MS, signal });
  return planFix(job.kind, fixFacts, known, facts.role, accepted);
}

async function report(
  session: Session,
  context: Context,
  look: CountResult,
  counted: CommandResult,
  settings: Settings,
): Promise<CommandResult> {
  const found = look.counted.filter(({ orphans }) => (orphans ?? 0) > 0);
  const choices = await inOrder(found, async (outcome) => {
    const { relation, orphans } = outcome;
    const kinds: readonly FixKind[] = ['set-null', 'delete'];
    const plans = await inOrder(kinds, (kind) =>
      planOne(session, context, look, { relation, orphans: orphans!, kind }, settings),
    );
    return { outcome, plans };
  });
  return choicesResult(counted, choices, look.facts.tables);
}

async function repair(
  session: Session,
  context: Context,
  plans: readonly FixPlan[],
  settings: Settings,
): Promise<readonly Repaired[]> {
  const { config, signal, talk } = context;
  const done: Repaired[] = [];
  for (const one of plans) {
    let last = Date.now();
    const outcome = await fixRelation(session, one, {
      ...settings,
      schema: config.ledger.schema,
      retries: config.lockRetries,
      acceptTriggers: settings.accepted.triggers,
      author: `aisha-db orphans (${os.hostname()})`,
      signal,
      onProgress: (count, total) => {
        if (Date.now() - last < PROGRESS_MS) return;
        last = Date.now();
        talk.info(`${count} of ${total} rows are repaired: ${one.relation.name}`);
      },
      onRetry: (why) => talk.info(`trying again: ${why}`),
    });
    const { record, ...counts } = outcome;
    const saved = record?.parts.map((part) => ({ table: part.table.title, backup: backupOf(part) })) ?? [];
    done.push({ ...counts, id: record?.id, saved });
    if (outcome.error !== undefined) break;
  }
  return done;
}

/** One after the other: all use the same session. */
async function inOrder<T, R>(items: readonly T[], use: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await use(item));
  return results;
}
