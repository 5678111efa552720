import type { MergeMode } from '../backup/merge-plan.ts';
import { readLiveTable } from '../backup/read-live-table.ts';
import { restoreDatabase } from '../backup/restore.ts';
import { type MergedTable, restoreTable } from '../backup/restore-table.ts';
import { withContent } from '../backup/sealed-files.ts';
import type { StoredBackup } from '../backup/store.ts';
import { previewSwap, restoreAndSwap } from '../backup/swap.ts';
import type { Context } from '../commands/command.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { readFolder } from '../migrations/files.ts';
import { type MigrateOptions, migrate } from '../migrations/migrate.ts';
import { parseName } from '../migrations/name.ts';
import { openSession } from '../migrations/open.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { findMissing } from '../recovery/assess.ts';
import type { AuditFilter } from '../recovery/audit-log.ts';
import { bringBack } from '../recovery/bring-back.ts';
import type { Incident, MigrationSince } from '../recovery/incident.ts';
import { parentsFirst } from '../recovery/parents-first.ts';
import { planReplay, type ReplayPlan } from '../recovery/replay-plan.ts';
import { stepResult, undoResult } from '../recovery/report.ts';
import { previewUndo, undo } from '../recovery/undo.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, localBackupWorld } from './backup.ts';
import { askToEnd } from './end-sessions.ts';
import { openGate } from './gate.ts';
import {
  begin,
  currentIncident,
  earlier,
  keep,
  lastBackup,
  openOrLost,
  type RecoveryOptions,
  timeOf,
  withDeed,
} from './incident.ts';
import { migrationSource, planOptions, runHooks, runSettings } from './migration.ts';

/** Ways that `recover restore` carries out. */
const WAYS = ['missing-objects', 'table-rows', 'backup', 'backup-and-migrations'] as const;
type RestoreWay = (typeof WAYS)[number];

/** What a run that was killed had done before it came to say so. */
const BY_KILLED_RUN = '(by a run that ended before it could write that down)';

/** What a step works with. */
interface Step {
  readonly context: Context;
  readonly target: Target;
  readonly found: Incident;
  readonly options: RecoveryOptions;
}

type RestoreStep = Step & { readonly backup: StoredBackup; readonly way: RestoreWay | undefined };

// ── undo ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Undoes deletes and updates from audit_log: shown first, done after a confirmation. */
export async function undoFromLog(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = currentIncident(context, options, target);
  const filter = auditFilter(found, options);
  const session = await openSession(target, 'aisha-db recover', { row_security: 'off' }, runHooks(context, target));
  try {
    const plan = await previewUndo(session, filter);
    const preview = await undo(session, plan, true);
    if (options.plan) return undoResult(plan, preview, false, { incident: found, path: keep(context, found) });
    const method = `undo from audit_log since ${filter.since}${filter.until === undefined ? '' : ` until ${filter.until}`}`;
    const lines = (undone: typeof preview) =>
      undone.map(({ table, inserted, updated }) => `${table}: ${inserted} rows put back, ${updated} set back`);
    const isIdle = preview.every(({ inserted, updated }) => inserted + updated === 0);
    if (isIdle && found.underway?.method === 'audit-log') {
      const done = found.underway.expected.map((line) => `${line} ${BY_KILLED_RUN}`);
      const incident = withDeed(found, { method, done, left: plan.left });
      return undoResult(plan, preview, true, { incident, path: keep(context, incident) });
    }
    for (const { table, inserted, updated } of preview)
      context.talk.warn(`will put back ${inserted} and set back ${updated} rows of ${table}`);
    for (const line of plan.left) context.talk.warn(`will not come back: ${line}`);
    await context.confirm(target);
    const begun = begin(context, found, { method: 'audit-log', expected: lines(preview) });
    const undone = await undo(session, plan, false);
    const skipped = undone
      .filter((one) => one.skipped > 0)
      .map((one) => `${one.skipped} rows of ${one.table} are there again or were changed since`);
    const incident = withDeed(begun, { method, done: lines(undone), left: [...plan.left, ...skipped] });
    return undoResult(plan, undone, true, { incident, path: keep(context, incident) });
  } finally {
    await session.close();
  }
}

function auditFilter({ happenedAt }: Incident, options: RecoveryOptions): AuditFilter {
  const since = timeOf(options.since, '--since') ?? (happenedAt === undefined ? undefined : earlier(happenedAt));
  if (since === undefined) {
    throw new AishaError('usage', 'nothing says from when on changes are to be undone', {
      hint: 'Give --since TIME, as aisha-db recover assess shows it.',
    });
  }
  return { since, until: timeOf(options.until, '--until'), tables: options.tables, by: options.by };
}

// ── restore ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Restores from the backup: the objects that are gone, rows of tables that are named, or the whole database when it is
 * lost or `--way` says so. What an earlier run had begun is gone on with.
 */
export async function restoreLost(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = currentIncident(context, options, target);
  const way = readWay(options);
  const wanted = options.backup ?? found.underway?.backup ?? found.assessment?.backup?.id;
  const backup = lastBackup(context, target, wanted, found.happenedAt);
  if (backup === undefined) {
    throw new AishaError('backup', 'the store has no full backup of this database from before the incident', {
      hint: 'Name one with --backup; aisha-db backup list shows them.',
    });
  }
  return withContent(backup, localBackupWorld(context), (opened) =>
    restoreBy({ context, target, found, options, backup: opened, way }),
  );
}

async function restoreBy(step: RestoreStep): Promise<CommandResult> {
  const { context, target, found, backup, way } = step;
  const session = await openOrLost(context, target);
  if (session === undefined) return restoreWhole(step);
  try {
    const oid = await oidOf(session);
    const whole = found.underway?.method === 'backup' || found.underway?.method === 'backup-and-migrations';
    if (whole && found.underway?.databaseOid !== oid) {
      context.talk.info(`${backup.manifest.id} was restored by an earlier run: going on from there`);
      const kept = await nameOf(session, found.underway?.databaseOid);
      await session.close();
      return await wentBack(step, kept, found.underway?.method === 'backup-and-migrations', [BY_KILLED_RUN]);
    }
    if (way === 'backup' || way === 'backup-and-migrations') {
      // The database can only be renamed when nobody is connected to it.
      await session.close();
      return await goBack(step, oid);
    }
    if (way === 'table-rows') return await mergeRows(step, session);
    return await restoreMissing(step, session);
  } finally {
    await session.close();
  }
}

/** @throws AishaError (usage) for what is no way, or one that somebody else goes */
function readWay({ way, tables, merge }: RecoveryOptions): RestoreWay | undefined {
  if (way === undefined) return tables.length > 0 || merge !== undefined ? 'table-rows' : undefined;
  const known = WAYS.find((name) => name === way);
  if (known !== undefined) return known;
  const meant = didYouMean(way, WAYS);
  throw new AishaError('usage', `recover restore knows no way "${way}"`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}It goes ${WAYS.join(', ')}; audit-log is aisha-db recover undo, and pitr only the platform can.`,
  });
}

async function oidOf(session: Session): Promise<string> {
  const [row] = await session.query<{ oid: string }>(
    'select oid::text as oid from pg_catalog.pg_database where datname = pg_catalog.current_database()',
  );
  return row!.oid;
}

async function nameOf(session: Session, oid: string | undefined): Promise<string | undefined> {
  if (oid === undefined) return undefined;
  const [row] = await session.query<{ name: string }>(
    'select datname::text as name from pg_catalog.pg_database where oid = $1::oid',
    [oid],
  );
  return row?.name;
}

// ── the whole database ──────────────────────────────────────────────────────────────────────────────────────────────

/** A database that does not exist, or in which a restore was killed. */
async function restoreWhole(step: RestoreStep): Promise<CommandResult> {
  const { context, target, found, options, backup } = step;
  const { id, createdAt } = backup.manifest;
  const withReplay = step.way === 'backup-and-migrations';
  const what = `${id} of ${createdAt} into the database ${target.database}, which does not exist`;
  if (options.plan) return wouldBe(step, `would restore ${what}`, []);
  context.talk.warn(`will restore ${what}`);
  await context.confirm(target);
  const method = withReplay ? 'backup-and-migrations' : 'backup';
  const begun = begin(context, found, { method, backup: id, expected: [`the backup ${id} of ${createdAt}`] });
  const outcome = await restoreDatabase(backup, target, backupWorld(context, target), {});
  const differences = outcome.differences.map(({ object, message }) => `${object} ${message}`);
  const done = [`restored in ${outcome.restoreMs} ms and compared with what was backed up`];
  return wentBack({ ...step, found: begun }, undefined, withReplay, done, [...differences, ...outcome.notRestored]);
}

/** The backup takes the place of the database, which is kept under another name. */
async function goBack(step: RestoreStep, databaseOid: string): Promise<CommandResult> {
  const { context, target, found, options, backup, way } = step;
  const { id, createdAt } = backup.manifest;
  const withReplay = way === 'backup-and-migrations';
  const world = backupWorld(context, target);
  const { names, sessions } = await previewSwap(backup, target, world);
  const since = found.assessment?.migrationsSince ?? [];
  const expected = withReplay ? foreseeReplay(step, since) : undefined;
  const steps = [
    `${id} of ${createdAt} is restored beside ${names.current} as ${names.beside}, and compared with what was backed up`,
    `the ${counted(sessions.length, 'session')} of ${names.current} ${sessions.length === 1 ? 'is' : 'are'} ended, if that is confirmed`,
    `${names.beside} takes the place of ${names.current}, which is kept as ${names.kept.replace(/_\d{8}T\d{6}Z$/, '_TIME')}`,
    ...(expected?.files ?? []).map(({ file, was }) => `${file} is applied again (${was})`),
    ...(expected?.lost ?? []).map(
      ({ file }) => `${file} was applied since the backup, and its file is gone: it does not come back`,
    ),
  ];
  if (options.plan) return wouldBe(step, `would go back to ${id}`, steps);
  if (expected !== undefined) refuseSuspects(expected);
  for (const line of steps) context.talk.warn(line);
  await context.confirm(target);
  const method = withReplay ? 'backup-and-migrations' : 'backup';
  const begun = begin(context, found, { method, backup: id, databaseOid, expected: steps });
  const outcome = await restoreAndSwap(backup, target, world, {
    maintenanceDatabases: [],
    mayEnd: (open) => askToEnd(context, target, open, options.endSessions),
  });
  const done = [
    outcome.restored === undefined
      ? 'restored by an earlier run and compared with what was backed up'
      : `restored in ${outcome.restored.restoreMs} ms and compared with what was backed up`,
  ];
  return wentBack({ ...step, found: begun }, outcome.names.kept, withReplay, done, outcome.restored?.notRestored);
}

/** Says what was done, and goes on with the migrations where that is the way. */
async function wentBack(
  step: RestoreStep,
  kept: string | undefined,
  withReplay: boolean,
  done: readonly string[],
  left: readonly string[] = [],
): Promise<CommandResult> {
  const { context, found, backup } = step;
  const { id, createdAt } = backup.manifest;
  const more = (found.assessment?.tables ?? []).filter(({ rowsThen, rowsNow = 0 }) => rowsNow > rowsThen);
  const incident = withDeed(found, {
    method: `whole backup ${id}`,
    done: [...done, ...(kept === undefined ? [] : [`the database as it was is kept as ${kept}`])],
    left: [
      ...left,
      `everything that was written after ${createdAt}${kept === undefined ? '' : `, unless it is taken from ${kept}`}`,
      ...more.map(
        ({ table, rowsThen, rowsNow = 0 }) =>
          `at least ${counted(rowsNow - rowsThen, 'row')} of ${table} that came after the backup`,
      ),
    ],
  });
  const deed = incident.deeds.at(-1)!;
  const path = keep(context, incident);
  if (withReplay) return replay({ ...step, found: incident });
  const lines = [...deed.done, ...deed.left.map(notBack)];
  return stepResult(`restored ${id} of ${createdAt}`, lines, { incident, path }, left);
}

// ── objects ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Brings back what is gone, beside what is there. */
async function restoreMissing(step: RestoreStep, session: Session): Promise<CommandResult> {
  const { context, target, found, options, backup } = step;
  const { id, createdAt } = backup.manifest;
  const { ledger, lockTimeoutMs } = context.config;
  const missing = await findMissing(session, backup, ledger);
  const method = `missing objects from ${id}`;
  const rowsLeft = (objects: readonly string[]) => {
    const tables = objects.flatMap((object) => (object.startsWith('table ') ? [object.slice(6)] : []));
    return tables.length === 0 ? [] : [`rows of ${tables.join(', ')} that were written after ${createdAt}`];
  };
  const back = (found.underway?.missing ?? []).filter((object) => !missing.includes(object));
  if (found.underway?.method === 'missing-objects' && back.length > 0) {
    const done = back.map((object) => `${object} ${BY_KILLED_RUN}`);
    return told(step, method, done, [...missing, ...rowsLeft(back)], `restored ${back.length} objects`);
  }
  if (missing.length === 0) {
    return stepResult(
      'no object of the backup is gone; rows come back with --table NAME, the whole database with --way backup',
      [],
      { incident: found, path: keep(context, found) },
    );
  }
  if (options.plan) return wouldBe(step, `would restore ${counted(missing.length, 'object')} from ${id}`, missing);
  for (const object of missing) context.talk.warn(`will restore ${object}`);
  await context.confirm(target);
  const begun = begin(context, found, { method: 'missing-objects', backup: id, missing, expected: missing });
  const { unknown } = await bringBack(backup, missing, target, lockTimeoutMs, backupWorld(context, target));
  const gone = await findMissing(session, backup, ledger);
  const done = missing.filter((object) => !gone.includes(object));
  const left = [...new Set([...unknown, ...gone]), ...rowsLeft(done)];
  return told({ ...step, found: begun }, method, done, left, `restored ${done.length} of ${missing.length} objects`);
}

/** The deed in the incident, and the report of it. */
function told(
  { context, found }: Step,
  method: string,
  done: readonly string[],
  left: readonly string[],
  text: string,
): CommandResult {
  const incident = withDeed(found, { method, done, left });
  return stepResult(text, [...done, ...left.map(notBack)], { incident, path: keep(context, incident) });
}

function notBack(line: string): string {
  return `not brought back: ${line}`;
}

function wouldBe({ context, found }: Step, text: string, lines: readonly string[]): CommandResult {
  return stepResult(`${text}; nothing was written`, lines, { incident: found, path: keep(context, found) });
}

// ── rows of tables ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Puts rows of the backup back into tables that are there, each in one transaction, parents first. */
async function mergeRows(step: RestoreStep, session: Session): Promise<CommandResult> {
  const { context, target, found, options, backup } = step;
  const mode = readMode(options.merge);
  const tables = await tablesInOrder(step, session);
  if (options.plan) {
    const lines = tables.map(
      (table) => `${table} is compared with its rows in ${backup.manifest.id}, and ${MERGES[mode]}`,
    );
    return wouldBe(step, `would merge ${counted(tables.length, 'table')}`, lines);
  }
  const world = backupWorld(context, target);
  const common = { keepSide: false, lockTimeoutMs: context.config.lockTimeoutMs, confirm: async () => {} };
  const compared: { readonly table: string; readonly expected: string; readonly isIdle: boolean }[] = [];
  for (const table of tables) {
    const { counts } = (await restoreTable(backup, table, target, world, {
      ...common,
      merge: undefined,
    })) as MergedTable;
    const changed = mode === 'changed' ? counts.changed : 0;
    const expected = `${table}: ${counts.missing} rows put back, ${changed} given old values`;
    compared.push({ table, expected, isIdle: counts.missing + changed === 0 });
  }
  for (const { expected } of compared) context.talk.warn(`will do: ${expected}`);
  await context.confirm(target);
  let incident = found;
  for (const { table, expected, isIdle } of compared) {
    const isDone = isIdle && incident.underway?.table === table;
    const before = incident.underway?.expected ?? [];
    if (!isDone) {
      incident = begin(context, incident, {
        method: 'table-rows',
        backup: backup.manifest.id,
        table,
        expected: [expected],
      });
    }
    const merged = (await restoreTable(backup, table, target, world, { ...common, merge: mode })) as MergedTable;
    const done = isDone
      ? before.map((line) => `${line} ${BY_KILLED_RUN}`)
      : [`${table}: ${merged.merged!.inserted} rows put back, ${merged.merged!.updated} given old values`];
    const left = leftByMerge(table, merged, mode, backup.manifest.createdAt);
    incident = withDeed(incident, { method: `rows of ${table} from ${backup.manifest.id}`, done, left });
    keep(context, incident);
  }
  const deeds = incident.deeds.slice(found.deeds.length);
  const lines = deeds.flatMap(({ done, left }) => [...done, ...left.map(notBack)]);
  return stepResult(`merged ${counted(tables.length, 'table')}`, lines, { incident, path: keep(context, incident) });
}

const MERGES: Readonly<Record<MergeMode, string>> = {
  missing: 'rows that are gone are put back',
  changed: 'rows that are gone are put back and those with other values given their old ones',
};

function leftByMerge(
  table: string,
  { counts, differences }: MergedTable,
  mode: MergeMode,
  createdAt: string,
): string[] {
  return [
    ...(mode === 'missing' && counts.changed > 0
      ? [
          `${counts.changed} rows of ${table} that have other values than in the backup: --merge changed gives them back`,
        ]
      : []),
    ...(counts.newer > 0
      ? [`${counts.newer} rows of ${table} that were written after the backup with other values`]
      : []),
    `rows of ${table} that were written after ${createdAt} and are gone`,
    ...differences.map(({ object, message }) => `${object} ${message.replaceAll('after the restore', 'now')}`),
  ];
}

function readMode(merge: string | undefined): MergeMode {
  if (merge === undefined || merge === 'missing' || merge === 'changed') return merge ?? 'missing';
  throw new AishaError('usage', `--merge "${merge}" is not known`, {
    hint: 'missing puts back the rows that are gone; changed gives changed rows their old values as well.',
  });
}

/** @throws AishaError (usage) for names of no table of the backup, and of tables that are gone */
async function tablesInOrder({ options, backup }: RestoreStep, session: Session): Promise<string[]> {
  const { tables: all, id } = backup.manifest;
  const wanted = options.tables.map((name) => {
    const found = all.filter((table) => `${table.schema}.${table.name}` === name);
    const own = found.length > 0 ? found : all.filter((table) => table.name === name);
    if (own.length === 1) return own[0]!;
    throw new AishaError(
      'usage',
      own.length === 0 ? `${id} has no rows of a table ${name}` : `${name} is not one table`,
      {
        details: own.map(({ schema, name: table }) => `${schema}.${table}`),
        hint: 'Name it as SCHEMA.NAME, as aisha-db recover assess does.',
      },
    );
  });
  if (wanted.length === 0) {
    throw new AishaError('usage', 'nothing says of which tables rows are to come back', {
      hint: 'Name each with --table; aisha-db recover assess shows which have lost rows.',
    });
  }
  const live = await Promise.all(wanted.map((table) => readLiveTable(session, table)));
  const gone = wanted.filter((_, index) => live[index] === undefined);
  if (gone.length > 0) {
    throw new AishaError('usage', `${gone.map(({ schema, name }) => `${schema}.${name}`).join(', ')} is gone`, {
      hint: 'A table that is gone comes back with all that belongs to it: aisha-db recover restore, without --table.',
    });
  }
  const nameOfTable = ({ schema, name }: { readonly schema: string; readonly name: string }) => `${schema}.${name}`;
  const sorted = parentsFirst(
    live.flatMap((table) => table ?? []),
    nameOfTable,
    ({ foreignKeys }) => foreignKeys.map(({ refersTo }) => nameOfTable(refersTo)),
  );
  return sorted.map(nameOfTable);
}

// ── migrations ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Applies what is pending on a restored backup, with the settings and the gate of every other run. */
export async function replayMigrations(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  return replay({ context, target, found: currentIncident(context, options, target), options });
}

async function replay(step: Step): Promise<CommandResult> {
  const { context, target, found, options } = step;
  const source = migrationSource(context);
  const hooks = runHooks(context, target);
  const settings: MigrateOptions & { readonly dryRun: boolean } = {
    ...planOptions(context),
    to: options.to === undefined ? undefined : numberOf(options.to),
    dryRun: true,
    lockWaitMs: context.config.lockWaitMs,
    run: runSettings(context),
    settings: context.config.settings,
    openGate: () => openGate(context),
  };
  const dry = await migrate(source, target, settings, hooks);
  if (dry.error !== undefined) throw dry.error;
  const pending = dry.entries.filter(({ run }) => run);
  const known = [
    ...dry.preflight.folder.files.map(({ name }) => name.file),
    ...dry.preflight.ledger.rows.map(({ file }) => file),
  ];
  const plan = planReplay({ ...whatWas(found, options), pending, known });
  const before = found.underway?.method === 'replay' ? found.underway.expected : [];
  const applied = before.filter((file) => !pending.some((entry) => entry.file === file));
  const lost = plan.lost.map(({ file, at }) => `${file}, which was applied at ${at}: its file is not in the folder`);
  const words = plan.files.map(({ file, was }) => `${file} (${was})`);
  if (options.plan)
    return wouldBe(step, `would apply ${counted(pending.length, 'file')}`, [...words, ...lost.map(notBack)]);
  refuseSuspects(plan);
  const method = 'replay of migrations';
  if (pending.length === 0) {
    if (applied.length > 0)
      return told(
        step,
        method,
        applied.map((file) => `${file} ${BY_KILLED_RUN}`),
        lost,
        'replayed',
      );
    return stepResult('no migration is pending', lost.map(notBack), { incident: found, path: keep(context, found) });
  }
  for (const word of words) context.talk.warn(`will apply ${word}`);
  await context.confirm(target);
  const expected = [...applied, ...pending.map(({ file }) => file)];
  const begun = begin(context, found, { method: 'replay', expected });
  const result = await migrate(source, target, { ...settings, dryRun: false }, hooks);
  const done = result.entries.filter(
    ({ file, state }) => state === 'applied' && pending.some((one) => one.file === file),
  );
  const wanting = pending.filter(({ file }) => !done.some((one) => one.file === file));
  const report = told(
    { ...step, found: begun },
    method,
    [...applied.map((file) => `${file} ${BY_KILLED_RUN}`), ...done.map(({ file }) => file)],
    [...lost, ...wanting.map(({ file }) => `${file} is still pending`)],
    `applied ${done.length} of ${counted(pending.length, 'file')}`,
  );
  return result.error === undefined ? report : { ...report, error: result.error };
}

function numberOf(to: string): NonNullable<ReturnType<typeof parseName>['version']> {
  const { version } = parseName(`${to}_x.sql`);
  if (version) return version;
  throw new AishaError('usage', `--to "${to}" is no number`, {
    hint: 'Give the number of a file as it is written: 052, 155a, 20260424.',
  });
}

/** What the spoilt database had, and what of it may be what spoilt it. */
function whatWas({ assessment, happenedAt }: Incident, { include }: RecoveryOptions) {
  return {
    since: assessment?.migrationsSince ?? [],
    suspectFrom: happenedAt === undefined ? undefined : earlier(happenedAt),
    include,
  };
}

/** As far as the files alone tell before the backup is restored. */
function foreseeReplay({ context, found, options }: Step, since: readonly MigrationSince[]): ReplayPlan {
  const source = migrationSource(context);
  const { files } = readFolder(source.dir, source.finalFrom);
  const known = files.map(({ name }) => name.file);
  const pending = since.flatMap(({ file }) => {
    const own = files.find(({ name }) => name.file === file);
    return own === undefined ? [] : [{ file, checksum: own.checksum }];
  });
  return planReplay({ ...whatWas(found, options), pending, known });
}

/** @throws AishaError (plan) */
function refuseSuspects({ suspects }: ReplayPlan): void {
  if (suspects.length === 0) return;
  throw new AishaError('plan', 'files that were applied when it happened are what they were then', {
    details: suspects.map(({ file, at }) => `${file}, applied at ${at}`),
    hint: 'Applied again they would do it again: mend what did it; name what is innocent with --include FILE; or stop before it with --to NUMBER. --at says when it happened.',
  });
}
