import { randomBytes } from 'node:crypto';
import { readStoredCatalog } from '../backup/compare-restored.ts';
import { databaseKey, type StoredBackup } from '../backup/store.ts';
import type { VerifyWorld } from '../backup/verify-restore.ts';
import { AishaError, messageOf } from '../errors.ts';
import { ensureLedger, readLedger } from '../migrations/ledger.ts';
import { type MigrateOptions, migrate } from '../migrations/migrate.ts';
import { type MigrationSource, openSession, type RunHooks } from '../migrations/open.ts';
import type { Target } from '../postgres/target.ts';
import { applyMasks, type MaskOrder } from './apply-masks.ts';
import { backAndForth } from './back-and-forth.ts';
import { type LedgerPlace, printCatalog } from './catalog-print.ts';
import { type Copy, makeCopy } from './copy.ts';
import { newSince } from './judge.ts';
import { makeNamedCopy } from './named-copy.ts';
import type { Origin } from './origin.ts';
import type { PlannedFile, Subject } from './record.ts';
import { FileRehearser } from './rehearse-file.ts';
import type { Examination, FileRehearsal, Rehearsal } from './result.ts';
import { runCommand } from './run-command.ts';
import { type OpenGate, RunGate } from './run-gate.ts';
import { CALLS, type StubbedCall } from './stub-sql.ts';
import { witnessSql } from './witness.ts';

/** What is rehearsed, and how. */
export interface RehearsalOrder {
  readonly backup: StoredBackup;
  readonly origin: Origin;
  /** A database of a server that is there, as its superuser; a scratch server when absent. */
  readonly into: Target | undefined;
  readonly source: MigrationSource;
  /** As production's run would have them. */
  readonly migrate: Omit<MigrateOptions, 'only' | 'dryRun' | 'openGate'>;
  /** The gate of production's run. */
  readonly openGate: OpenGate;
  /** How the gate is set, in words: another setting is another run. */
  readonly gate: Readonly<Record<string, string>>;
  /** The user's own tests. */
  readonly command: string | undefined;
  readonly masks: MaskOrder;
  /** Asks rls-check and diagnose about the copy. */
  readonly examine: (copy: Copy) => Promise<Examination>;
}

export type RehearsalWorld = VerifyWorld & { readonly warn: (line: string) => void };

/** What a rehearsal brought, and what it was of. */
export interface RehearsalOutcome {
  readonly rehearsal: Rehearsal;
  readonly subject: Subject;
}

/** With more files than this, findings are compared once at the end: asking takes seconds each time. */
const EXAMINED_EACH = 10;

/**
 * Applies what is pending to a copy of the database as production would, and looks at what that does: to the catalog, to
 * rows, to others who wait, to the isolation of tenants, to the user's own tests, and whether it can be undone.
 * @throws AishaError (plan, changed) when production's run would be refused; (backup, tool) when there can be no copy
 */
export async function rehearse(order: RehearsalOrder, world: RehearsalWorld): Promise<RehearsalOutcome> {
  const { backup, origin, into } = order;
  const copy = await (into === undefined
    ? makeCopy(backup, origin, world)
    : makeNamedCopy(backup, origin, into, world));
  try {
    const outcome = await rehearseOn(copy, order, world);
    await copy.finish();
    return outcome;
  } finally {
    await copy.close();
  }
}

async function rehearseOn(copy: Copy, order: RehearsalOrder, world: RehearsalWorld): Promise<RehearsalOutcome> {
  const { admin } = copy;
  const hooks: RunHooks = { signal: world.signal, info: world.info, warn: world.warn, connected: () => {} };
  const masked = await applyMasks(admin, order.masks, world.info);
  await admin.query('analyze');
  const pending = await planOf(copy, order, hooks);
  await watchLedger(copy, order.source.ledger, hooks);
  world.info('examining the copy as it is');
  const before = await order.examine(copy);
  const gate = await RunGate.begin(order.openGate, copy.target, hooks);
  const rehearser = new FileRehearser(copy, order, gate, hooks);
  const files: FileRehearsal[] = [];
  let known = before;
  for (const { file, mode } of pending) {
    if (files.some(({ state }) => state === 'failed')) {
      files.push(rehearser.notReached(file, mode));
      continue;
    }
    const done = await rehearser.apply(file, mode);
    if (pending.length > EXAMINED_EACH || done.state === 'failed') {
      files.push(done);
      continue;
    }
    const now = await order.examine(copy);
    files.push({ ...done, newFindings: newSince(known.findings, now.findings) });
    known = now;
  }
  const after = pending.length === 0 ? before : await order.examine(copy);
  const hasFailed = files.some(({ state }) => state === 'failed');
  const ran = pending.map(({ file }) => file);
  const leftOpen = hasFailed || ran.length === 0 ? [] : await gate.end(order.source, ran);
  await gate.close();
  const tests =
    order.command === undefined || hasFailed
      ? undefined
      : await runCommand(order.command, copy, { env: world.env, signal: world.signal, info: world.info });
  const rolled = hasFailed ? files : await backAndForth(files, rehearser, { copy, order, hooks });
  const calls = await admin.query<StubbedCall>(CALLS);
  return {
    rehearsal: {
      id: newId(),
      backup: order.backup.manifest.id,
      backupAt: order.backup.manifest.createdAt,
      originVersion: order.backup.manifest.server.version,
      copyVersion: copy.serverVersion,
      restoreMs: copy.restoreMs,
      notes: copy.notes,
      masked,
      files: rolled,
      before,
      after,
      newFindings: newSince(before.findings, after.findings),
      gate: { isOn: gate.isOn, findings: leftOpen },
      tests,
      calls,
    },
    subject: subjectOf(order, pending),
  };
}

type Pending = PlannedFile & { readonly mode: string };

/** What production's run would apply. */
async function planOf(copy: Copy, { source, migrate: options }: RehearsalOrder, hooks: RunHooks): Promise<Pending[]> {
  const { entries, error, preflight } = await migrate(
    source,
    copy.target,
    { ...options, only: undefined, dryRun: true },
    hooks,
  );
  if (error !== undefined) throw error;
  return entries
    .filter(({ run }) => run)
    .map(({ file, checksum = '' }) => ({ file, checksum, mode: preflight.modes.get(file) ?? '' }));
}

/** The ledger has to be there before the first file, so that its row can be seen. */
async function watchLedger(
  { target, admin, serverVersion }: Copy,
  ledger: LedgerPlace,
  hooks: RunHooks,
): Promise<void> {
  const session = await openSession(target, 'aisha-db rehearse', {}, hooks);
  try {
    await ensureLedger(session, ledger, await readLedger(session, ledger));
  } finally {
    await session.close();
  }
  const { error } = await admin.script([witnessSql(ledger, majorOf(serverVersion))]);
  if (error === undefined) return;
  throw new AishaError('backup', `the copy cannot be watched: ${messageOf(error)}`, { cause: error });
}

function subjectOf({ backup, source, migrate: options, gate }: RehearsalOrder, pending: readonly Pending[]): Subject {
  const { manifest } = backup;
  return {
    database: databaseKey(manifest),
    serverVersion: manifest.server.version,
    plan: pending.map(({ file, checksum }) => ({ file, checksum })),
    catalog: printCatalog(readStoredCatalog(backup), source.ledger),
    excludedSchemas: manifest.excludedSchemas,
    settings: { ...settingsOf(options), ...gate },
  };
}

/** What of a run's settings a rehearsal depends on. */
export function settingsOf({
  settings,
  run,
}: Pick<MigrateOptions, 'settings' | 'run'>): Readonly<Record<string, string>> {
  return {
    ...settings,
    'lock timeout': String(run.lockTimeoutMs),
    'statement timeout': String(run.statementTimeoutMs),
  };
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** Sorts by time and is nobody else's. */
function newId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-rehearsal-${randomBytes(3).toString('hex')}`;
}
