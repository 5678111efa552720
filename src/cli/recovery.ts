import { withContent } from '../backup/sealed-files.ts';
import type { StoredBackup } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { readFolder } from '../migrations/files.ts';
import { readLedger } from '../migrations/ledger.ts';
import { planMigrations } from '../migrations/plan.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { type AskedElsewhere, assess, assessLost } from '../recovery/assess.ts';
import type { Span } from '../recovery/audit-log.ts';
import { chooseWay } from '../recovery/choose.ts';
import { incidentReport } from '../recovery/document.ts';
import { type Assessment, losses, type Verification } from '../recovery/incident.ts';
import { findIncident, newIncident } from '../recovery/incident-store.ts';
import { assessedResult, chosenResult, stepResult } from '../recovery/report.ts';
import type { CommandResult } from '../report/report.ts';
import { localBackupWorld } from './backup.ts';
import { examine } from './examine.ts';
import {
  currentIncident,
  earlier,
  incidentFolder,
  keep,
  lastBackup,
  openOrLost,
  type RecoveryOptions,
  timeOf,
} from './incident.ts';
import { migrationSource, planOptions } from './migration.ts';
import { countRelations } from './orphans.ts';

const DAY_MS = 86_400_000;

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
    const elsewhere = await askElsewhere(context, target, session, backup);
    const { ledger } = context.config;
    if (backup === undefined) return await assess(session, undefined, span, ledger, elsewhere);
    const look = (opened: StoredBackup) => assess(session, opened, span, ledger, elsewhere);
    return await withContent(backup, localBackupWorld(context), look, 'catalog');
  } finally {
    await session.close();
  }
}

/** What other rooms know to find out; one that cannot is told and does not stop the rest. */
async function askElsewhere(
  context: Context,
  target: Target,
  session: Session,
  backup: StoredBackup | undefined,
): Promise<AskedElsewhere> {
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
  const nothing = { ledger: [], migrationsSince: [] };
  const migrations = await attempt('migrations', () => ledgerState(context, session, backup), nothing);
  return { orphans, ...migrations, unknown };
}

async function orphansOf(context: Context, target: Target): Promise<Assessment['orphans']> {
  const { counted } = await countRelations(context, target, [], { list: false });
  return counted.flatMap(({ relation, orphans }) =>
    orphans === undefined || orphans === 0 ? [] : [{ relation: relation.name, rows: orphans }],
  );
}

/** What status would say is wrong, and what the backup does not have. */
async function ledgerState(
  context: Context,
  session: Session,
  backup: StoredBackup | undefined,
): Promise<Pick<Assessment, 'ledger' | 'migrationsSince'>> {
  const source = migrationSource(context);
  const { rows } = await readLedger(session, source.ledger);
  const backedUp = backup?.manifest.ledger?.applied ?? 0;
  if (rows.length === 0) {
    const ledger = backedUp === 0 ? [] : [`the ledger is gone; the backup has ${backedUp} applied files`];
    return { ledger, migrationsSince: [] };
  }
  const { entries } = planMigrations(readFolder(source.dir, source.finalFrom).files, rows, planOptions(context));
  const isSince = (at: string) => backup !== undefined && Date.parse(at) > Date.parse(backup.manifest.createdAt);
  return {
    ledger: entries
      .filter(({ state }) => ['changed', 'missing', 'interrupted', 'out-of-order'].includes(state))
      .map(({ file, state, reason }) => `${file} is ${state}${reason === undefined ? '' : `: ${reason}`}`),
    migrationsSince: rows.flatMap(({ file, checksum, state, appliedAt }) =>
      state === 'applied' && appliedAt !== undefined && isSince(appliedAt) ? [{ file, checksum, at: appliedAt }] : [],
    ),
  };
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
  const changed = assessment.changed.map((object) => `${object} is other than in the backup`);
  // A migration since may have changed what it likes; without one nothing has.
  const isChangeDue = assessment.migrationsSince.length > 0;
  const isolation = assessment.isLost ? [] : await isolationOf(context, target);
  const wrong = [
    ...(assessment.isLost ? ['the database does not exist'] : []),
    ...(found.underway === undefined ? [] : [`${found.underway.method} was begun and is not finished: run it again`]),
    ...lost,
    ...orphans,
    ...missing,
    ...(isChangeDue ? [] : changed),
  ];
  const whole = [
    `${assessment.tables.length} tables have at least the rows of the backup`,
    'no row has lost its parent',
    'no object of the backup is gone, policies and grants among them',
  ];
  const noted = isChangeDue ? changed.map((line) => `${line}: see whether a migration since is the reason`) : [];
  const verification: Verification = {
    at: new Date().toISOString(),
    passed: wrong.length === 0,
    // Holes that the database had before are not the recovery's, but whoever verifies has to know of them.
    lines: [...(wrong.length > 0 ? wrong : whole), ...noted, ...isolation],
  };
  const incident = { ...found, verification };
  const text = verification.passed ? 'the recovery is whole' : 'the recovery is not whole';
  return stepResult(text, verification.lines, { incident, path: keep(context, incident) }, wrong);
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

function notAssessed(): AishaError {
  return new AishaError('usage', 'the damage was not assessed yet', { hint: 'Begin with: aisha-db recover assess.' });
}

/** From an hour before the incident on, unless said otherwise; the last day when its time is not known. */
function spanOf({
  at,
  since,
  until,
}: {
  readonly at?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}): Span {
  const lastDay = () => new Date(Date.now() - DAY_MS).toISOString();
  return {
    since: timeOf(since, '--since') ?? (at === undefined ? lastDay() : earlier(at)),
    until: timeOf(until, '--until'),
  };
}
