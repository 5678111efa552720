import { join } from 'node:path';
import { toolsFor } from '../backup/create.ts';
import { runRestore } from '../backup/pg-restore.ts';
import { restoreDatabase } from '../backup/restore.ts';
import { openReader } from '../backup/snapshot-session.ts';
import { findBackup, readStore, type StoredBackup, whileInUse } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { readFolder } from '../migrations/files.ts';
import { readLedger } from '../migrations/ledger.ts';
import { openSession } from '../migrations/open.ts';
import { planMigrations } from '../migrations/plan.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { type AskedElsewhere, assess, assessLost } from '../recovery/assess.ts';
import type { AuditFilter, Span } from '../recovery/audit-log.ts';
import { chooseWay } from '../recovery/choose.ts';
import { incidentReport } from '../recovery/document.ts';
import { type Assessment, type Deed, type Incident, losses, type Verification } from '../recovery/incident.ts';
import { findIncident, keepIncident, newIncident } from '../recovery/incident-store.ts';
import { assessedResult, chosenResult, stepResult, undoResult } from '../recovery/report.ts';
import { selectMissing } from '../recovery/restore-missing.ts';
import { previewUndo, undo } from '../recovery/undo.ts';
import type { CommandResult } from '../report/report.ts';
import { backupWorld, localBackupWorld } from './backup.ts';
import { examine } from './examine.ts';
import { migrationSource, planOptions, runHooks } from './migration.ts';
import { countRelations } from './orphans.ts';

/** What the command line says about a recovery. */
export interface RecoveryOptions {
  readonly incident: string | undefined;
  /** When it happened. */
  readonly at: string | undefined;
  readonly backup: string | undefined;
  readonly pitr: boolean | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly tables: readonly string[];
  readonly by: string | undefined;
  readonly plan: boolean;
}

/** No such database (SQLSTATE invalid_catalog_name). */
const LOST = '3D000';
const HOUR_MS = 3_600_000;

/** The folder of the incidents. */
function incidentFolder({ config }: Context): string {
  return join(config.stateDir, 'incidents');
}

// ── assess and choose ───────────────────────────────────────────────────────────────────────────────────────────────

/** Opens an incident, or looks again at one that is named. */
export async function assessDamage(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const known = { database: target.describe(), happenedAt: timeOf(options.at, '--at'), pitr: options.pitr ?? false };
  const opened =
    options.incident === undefined
      ? newIncident(known)
      : findIncident(incidentFolder(context), options.incident, known.database);
  const happenedAt = known.happenedAt ?? opened.happenedAt;
  const backup = lastBackup(context, target, options.backup, happenedAt);
  const assessment = await assessOn(context, target, backup, spanOf({ ...options, at: happenedAt }));
  const incident = { ...opened, happenedAt, pitr: options.pitr ?? opened.pitr, assessment };
  return assessedResult(assessment, { incident, path: keep(context, incident) });
}

/** Weighs the ways back of what was assessed. */
export async function choose(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = findIncident(incidentFolder(context), options.incident, target.describe());
  const { assessment } = found;
  if (assessment === undefined) throw notAssessed();
  const asked = { ...found, pitr: options.pitr ?? found.pitr };
  const choice = chooseWay(asked, assessment, new Date());
  const incident = { ...asked, choice };
  return chosenResult(choice, { incident, path: keep(context, incident) });
}

async function assessOn(
  context: Context,
  target: Target,
  backup: StoredBackup | undefined,
  span: Span,
): Promise<Assessment> {
  const session = await openOrLost(context, target);
  if (session === undefined) return assessLost(backup);
  try {
    const elsewhere = await askElsewhere(context, target, session);
    return await assess(session, backup, span, context.config.ledger, elsewhere);
  } finally {
    await session.close();
  }
}

/** `undefined`: the server answers and has no such database. */
async function openOrLost(context: Context, target: Target): Promise<Session | undefined> {
  try {
    return await openReader(target, 'aisha-db recover', context.signal);
  } catch (error) {
    if (error instanceof AishaError && error.sqlState === LOST) return undefined;
    throw error;
  }
}

/** What other rooms know to find out; one that cannot is told and does not stop the rest. */
async function askElsewhere(context: Context, target: Target, session: Session): Promise<AskedElsewhere> {
  const unknown: string[] = [];
  const attempt = async <T>(what: string, ask: () => Promise<T>, none: T): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AishaError) || error.kind === 'interrupted') throw error;
      unknown.push(`${what}: ${error.message}`);
      return none;
    }
  };
  const orphans = await attempt('orphaned rows', () => orphansOf(context, target), []);
  const ledger = await attempt('migrations', () => ledgerState(context, session), []);
  return { orphans, ledger, unknown };
}

async function orphansOf(context: Context, target: Target): Promise<Assessment['orphans']> {
  const { counted } = await countRelations(context, target, [], { list: false });
  return counted.flatMap(({ relation, orphans }) =>
    orphans === undefined || orphans === 0 ? [] : [{ relation: relation.name, rows: orphans }],
  );
}

/** What status would say is wrong. */
async function ledgerState(context: Context, session: Session): Promise<string[]> {
  const source = migrationSource(context);
  const { rows } = await readLedger(session, source.ledger);
  if (rows.length === 0) return [];
  const { entries } = planMigrations(readFolder(source.dir, source.finalFrom).files, rows, planOptions(context));
  return entries
    .filter(({ state }) => ['changed', 'missing', 'interrupted', 'out-of-order'].includes(state))
    .map(({ file, state, reason }) => `${file} is ${state}${reason === undefined ? '' : `: ${reason}`}`);
}

/** The newest full backup of the database from before the incident. */
function lastBackup(
  context: Context,
  target: Target,
  wanted: string | undefined,
  before: string | undefined,
): StoredBackup | undefined {
  const content = readStore(localBackupWorld(context).store);
  if (wanted !== undefined) return findBackup(content, wanted);
  return content.backups.findLast(
    ({ manifest: { kind, database, server, createdAt }, state }) =>
      kind === 'full' &&
      state !== 'suspect' &&
      database.name === target.database &&
      server.host === target.host &&
      server.port === target.port &&
      (before === undefined || Date.parse(createdAt) <= Date.parse(before)),
  );
}

// ── carry out ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Undoes deletes and updates from audit_log: shown first, done after a confirmation. */
export async function undoFromLog(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = currentIncident(context, options, target);
  const since =
    timeOf(options.since, '--since') ?? (found.happenedAt === undefined ? undefined : earlier(found.happenedAt));
  if (since === undefined) {
    throw new AishaError('usage', 'nothing says from when on changes are to be undone', {
      hint: 'Give --since TIME, as aisha-db recover assess shows it.',
    });
  }
  const filter: AuditFilter = {
    since,
    until: timeOf(options.until, '--until'),
    tables: options.tables,
    by: options.by,
  };
  const session = await openSession(target, 'aisha-db recover', { row_security: 'off' }, runHooks(context, target));
  try {
    const plan = await previewUndo(session, filter);
    const preview = await undo(session, plan, true);
    if (options.plan) return undoResult(plan, preview, false, { incident: found, path: keep(context, found) });
    for (const { table, inserted, updated } of preview)
      context.talk.warn(`will put back ${inserted} and set back ${updated} rows of ${table}`);
    for (const line of plan.left) context.talk.warn(`will not come back: ${line}`);
    await context.confirm(target);
    const undone = await undo(session, plan, false);
    const skipped = undone
      .filter((one) => one.skipped > 0)
      .map((one) => `${one.skipped} rows of ${one.table} are there again or were changed since`);
    const incident = withDeed(found, {
      method: `undo from audit_log since ${since}${filter.until === undefined ? '' : ` until ${filter.until}`}`,
      done: undone.map(({ table, inserted, updated }) => `${table}: ${inserted} rows put back, ${updated} set back`),
      left: [...plan.left, ...skipped],
    });
    return undoResult(plan, undone, true, { incident, path: keep(context, incident) });
  } finally {
    await session.close();
  }
}

/** Restores what is gone: the objects that are missing, or the whole database when it is lost. */
export async function restoreLost(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = currentIncident(context, options, target);
  const backup = lastBackup(context, target, options.backup ?? found.assessment?.backup?.id, found.happenedAt);
  if (backup === undefined) {
    throw new AishaError('backup', 'the store has no full backup of this database from before the incident', {
      hint: 'Name one with --backup; aisha-db backup list shows them.',
    });
  }
  const { store } = localBackupWorld(context);
  return whileInUse(store, backup, async () => {
    const session = await openOrLost(context, target);
    if (session === undefined) return restoreWhole(context, target, backup, found, options);
    try {
      return await restoreMissing(context, target, backup, found, session, options);
    } finally {
      await session.close();
    }
  });
}

async function restoreWhole(
  context: Context,
  target: Target,
  backup: StoredBackup,
  found: Incident,
  { plan }: RecoveryOptions,
): Promise<CommandResult> {
  const what = `${backup.manifest.id} of ${backup.manifest.createdAt} into the database ${target.database}, which does not exist`;
  if (plan)
    return stepResult(`would restore ${what}; nothing was written`, [], {
      incident: found,
      path: keep(context, found),
    });
  context.talk.warn(`will restore ${what}`);
  await context.confirm(target);
  const outcome = await restoreDatabase(backup, target, backupWorld(context, target), {});
  const differences = outcome.differences.map(({ object, message }) => `${object} ${message}`);
  const incident = withDeed(found, {
    method: `whole backup ${backup.manifest.id}`,
    done: [`restored in ${outcome.restoreMs} ms and compared with what was backed up`],
    left: [...differences, ...outcome.notRestored, `everything that was written after ${backup.manifest.createdAt}`],
  });
  const passed = outcome.differences.length === 0;
  return stepResult(
    `restored ${what.replace(', which does not exist', '')}`,
    incident.deeds.at(-1)!.left,
    { incident, path: keep(context, incident) },
    passed,
  );
}

async function restoreMissing(
  context: Context,
  target: Target,
  backup: StoredBackup,
  found: Incident,
  session: Session,
  options: RecoveryOptions,
): Promise<CommandResult> {
  const assessment = await assess(session, backup, spanOf({ since: new Date().toISOString() }), context.config.ledger, {
    orphans: [],
    ledger: [],
    unknown: [],
  });
  const { missing } = assessment;
  const path = () => keep(context, found);
  if (missing.length === 0) {
    return stepResult(
      'no object of the backup is gone; a whole restore beside the database is aisha-db restore --swap',
      [],
      { incident: found, path: path() },
    );
  }
  if (options.plan)
    return stepResult(
      `would restore ${missing.length} objects from ${backup.manifest.id}; nothing was written`,
      missing,
      { incident: found, path: path() },
    );
  for (const object of missing) context.talk.warn(`will restore ${object}`);
  await context.confirm(target);
  const world = backupWorld(context, target);
  let left: string[] = [];
  const failure = await runRestore(
    backup,
    {
      target,
      tools: toolsFor(Number.parseInt(backup.manifest.pgDumpVersion, 10), world),
      applicationName: 'aisha-db recover',
      // All of it or nothing: a run that is killed has changed nothing.
      args: ['--single-transaction'],
      select: (list) => {
        const selected = selectMissing(list, missing);
        left = selected.unknown;
        return selected.list;
      },
      label: 'restoring what is gone',
    },
    world,
  );
  if (failure.length > 0) {
    throw new AishaError('backup', 'what is gone cannot be restored beside what is there', {
      details: failure.map(({ message }) => message),
      hint: 'Nothing was changed. Restore the whole backup beside the database: aisha-db restore --into NAME, and copy what is needed.',
    });
  }
  const now = await assess(session, backup, spanOf({ since: new Date().toISOString() }), context.config.ledger, {
    orphans: [],
    ledger: [],
    unknown: [],
  });
  const tables = missing.filter((object) => object.startsWith('table '));
  const incident = withDeed(found, {
    method: `missing objects from ${backup.manifest.id}`,
    done: missing.filter((object) => !now.missing.includes(object)),
    left: [
      ...new Set([...left, ...now.missing]),
      ...(tables.length === 0
        ? []
        : [
            `rows of ${tables.map((object) => object.slice(6)).join(', ')} that were written after ${backup.manifest.createdAt}`,
          ]),
    ],
  });
  const deed = incident.deeds.at(-1)!;
  return stepResult(
    `restored ${deed.done.length} of ${missing.length} objects`,
    [...deed.done, ...deed.left.map((line) => `not brought back: ${line}`)],
    { incident, path: keep(context, incident) },
  );
}

// ── verify and document ─────────────────────────────────────────────────────────────────────────────────────────────

/** The manual's step 4: counts, orphans, and what it does not name: that tenants are still apart. */
export async function verifyRecovery(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const found = currentIncident(context, options, target);
  const backup = lastBackup(context, target, options.backup ?? found.assessment?.backup?.id, found.happenedAt);
  const assessment = await assessOn(context, target, backup, spanOf({ since: new Date().toISOString() }));
  const lost = losses(assessment).map(
    ({ table, rowsThen, rowsNow }) => `${table} has ${rowsNow ?? 'no'} rows, and ${rowsThen} in the backup`,
  );
  const orphans = assessment.orphans.map(({ relation, rows }) => `${relation}: ${rows} rows whose parent is gone`);
  const missing = assessment.missing.map((object) => `${object} is gone`);
  const isolation = assessment.isLost ? [] : await isolationOf(context, target);
  const wrong = [...(assessment.isLost ? ['the database does not exist'] : []), ...lost, ...orphans, ...missing];
  const whole = [
    `${assessment.tables.length} tables have at least the rows of the backup`,
    'no row has lost its parent',
    'no object of the backup is gone, policies and grants among them',
  ];
  const verification: Verification = {
    at: new Date().toISOString(),
    passed: wrong.length === 0,
    // Holes that the database had before are not the recovery's, but whoever verifies has to know of them.
    lines: [...(wrong.length > 0 ? wrong : whole), ...isolation],
  };
  const incident = { ...found, verification };
  const text = verification.passed ? 'the recovery is whole' : 'the recovery is not whole';
  return stepResult(text, verification.lines, { incident, path: keep(context, incident) }, verification.passed);
}

async function isolationOf(context: Context, target: Target): Promise<string[]> {
  const { findings } = await examine(context, target);
  return findings
    .filter(({ severity, check }) => severity === 'critical' && /proof|rls|policy/.test(check))
    .map(({ object, message }) => `isolation of tenants: ${object}: ${message}`);
}

/** The report as it stands. */
export async function document(context: Context, options: RecoveryOptions): Promise<CommandResult> {
  const target = await context.target();
  const incident = findIncident(incidentFolder(context), options.incident, target.describe());
  return { text: incidentReport(incident), data: { incident, report: keep(context, incident) } };
}

// ── the incident ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The incident that is open; one is opened for whoever acts before having assessed. */
function currentIncident(context: Context, { incident, at, pitr }: RecoveryOptions, target: Target): Incident {
  const known = { database: target.describe(), happenedAt: timeOf(at, '--at'), pitr: pitr ?? false };
  try {
    const found = findIncident(incidentFolder(context), incident, known.database);
    return { ...found, happenedAt: known.happenedAt ?? found.happenedAt };
  } catch (error) {
    if (incident !== undefined) throw error;
    return newIncident(known);
  }
}

function withDeed(incident: Incident, deed: Omit<Deed, 'at'>): Incident {
  return { ...incident, deeds: [...incident.deeds, { at: new Date().toISOString(), ...deed }] };
}

function keep(context: Context, incident: Incident): string {
  const path = keepIncident(incidentFolder(context), incident, incidentReport(incident));
  context.talk.info(`incident report: ${path}`);
  return path;
}

function notAssessed(): AishaError {
  return new AishaError('usage', 'the damage was not assessed yet', { hint: 'Begin with: aisha-db recover assess.' });
}

/** An hour before and after the incident, unless said otherwise; the last day when its time is not known. */
function spanOf({
  at,
  since,
  until,
}: {
  readonly at?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}): Span {
  return {
    since:
      timeOf(since, '--since') ?? (at === undefined ? new Date(Date.now() - 24 * HOUR_MS).toISOString() : earlier(at)),
    until: timeOf(until, '--until'),
  };
}

function earlier(at: string): string {
  return new Date(Date.parse(at) - HOUR_MS).toISOString();
}

/** @throws AishaError (usage) for what is no time */
function timeOf(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new AishaError('usage', `${option} "${text}" is not a time`, {
    hint: 'Write it as 2026-11-15T10:05:00Z, or with the offset of your place.',
  });
}
