import { formatDuration } from '../duration.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, Finding, ReportTable } from '../report/report.ts';
import { type Manifest, sizeOf } from './manifest.ts';
import type { BackupPlan, BackupPreview } from './plan.ts';
import { type BackupState, expiryOf, type PruneDecision } from './retention.ts';
import type { KeepDays } from './settings.ts';

/** A backup as a report tells of it. */
export interface ReportedBackup {
  readonly manifest: Manifest;
  readonly state: BackupState;
  readonly path: string;
  readonly pinned: boolean;
  /** When it was restored and compared with success; ISO 8601. */
  readonly verifiedAt: string | null;
  /** Milliseconds that the restore took then. */
  readonly restoreMs: number | null;
}

interface StoreProblems {
  readonly damaged: readonly { readonly path: string; readonly reason: string }[];
  readonly failures: readonly { readonly id: string; readonly at: string; readonly reason: string }[];
}

/** `data.backups` of the contract, one of them. */
function backupData(backup: ReportedBackup, keepDays: KeepDays): Readonly<Record<string, unknown>> {
  const { manifest, state, path, pinned, verifiedAt, restoreMs } = backup;
  const expiry = expiryOf(Date.parse(manifest.createdAt), manifest.class, keepDays);
  return {
    id: manifest.id,
    class: manifest.class,
    state,
    createdAt: manifest.createdAt,
    sizeBytes: sizeOf(manifest),
    path,
    verifiedAt,
    expiresAt: pinned || expiry === undefined ? null : new Date(expiry).toISOString(),
    database: manifest.database.name,
    kind: manifest.kind,
    pinned,
    restoreMs,
    encrypted: manifest.encryption !== undefined,
  };
}

/** The result of taking a backup. */
export function createdResult(backup: ReportedBackup, keepDays: KeepDays): CommandResult {
  const { manifest } = backup;
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const proofs: Readonly<Record<BackupState, string>> = {
    verified: `proved by a restore of ${formatDuration(backup.restoreMs ?? 0)}`,
    unverified: `not proved by a restore yet: aisha-db backup verify ${manifest.id} --restore`,
    suspect: 'not what was dumped',
  };
  return {
    text: `${manifest.id}: ${counted(manifest.tables.length, 'table')}, ${counted(rows, 'row')}, ${quantity(sizeOf(manifest), 'bytes')} in ${formatDuration(manifest.dumpMs)}; ${proofs[backup.state]}`,
    tables: [leftOutTable(manifest.leftOut)],
    data: { backups: [backupData(backup, keepDays)], leftOut: manifest.leftOut },
  };
}

/** What would be done, and what it would take. */
export function planResult(
  { plan, command, freeBytes, recipients, refusal }: BackupPreview,
  isProved: boolean,
): CommandResult {
  const { kind, format, jobs, tables, estimatedBytes, estimatedMs, estimatedRestoreMs, estimatedBy, leftOut } = plan;
  return {
    text: `would back up ${counted(tables.length, 'table')}, about ${quantity(estimatedBytes, 'bytes')}; nothing was written`,
    tables: [
      {
        columns: ['', ''],
        rows: [
          ['kind', kind],
          ['format', format === 'custom' ? 'one file' : `folder, ${jobs} connections`],
          ['connections', String(jobs + 3)],
          ['locks', 'ACCESS SHARE on every table: waits for and holds up DDL, nothing else'],
          ['time', `about ${formatDuration(estimatedMs)}, by ${estimateOf(estimatedBy)}`],
          ['proof', isProved ? proofTime(estimatedRestoreMs) : 'none; --restore proves it'],
          ...encryptionRow(recipients),
          ['disk', `about ${quantity(estimatedBytes, 'bytes')} of ${quantity(freeBytes, 'bytes')} that are free`],
          ['command', command.join(' ')],
        ],
      },
      leftOutTable(leftOut),
    ],
    data: {
      plan: {
        kind,
        format,
        jobs,
        tables: tables.length,
        estimatedBytes,
        estimatedMs,
        estimatedRestoreMs: estimatedRestoreMs ?? null,
        estimatedBy,
        isProved,
        freeBytes,
        recipients,
        command,
        leftOut,
      },
    },
    ...(refusal === undefined ? {} : { error: refusal }),
  };
}

function encryptionRow(recipients: readonly string[]): [string, string][] {
  return recipients.length === 0 ? [] : [['encryption', `age, for ${recipients.join(', ')}`]];
}

function estimateOf(by: BackupPlan['estimatedBy']): string {
  return by === 'size' ? 'the size of the tables alone' : 'the last backup';
}

function proofTime(estimatedMs: number | undefined): string {
  const time = estimatedMs === undefined ? 'not measured yet' : `about ${formatDuration(estimatedMs)}`;
  return `restored on a scratch server and compared, ${time}`;
}

/** Everything in a store, and what is wrong with it. */
export function listResult(
  backups: readonly ReportedBackup[],
  problems: StoreProblems,
  keepDays: KeepDays,
): CommandResult {
  const data = backups.map((backup) => backupData(backup, keepDays));
  return {
    text: backups.length === 0 ? 'the store holds no backup' : counted(backups.length, 'backup'),
    tables: [listTable(backups, keepDays)],
    data: { backups: data },
    findings: [...backups.filter(({ state }) => state === 'suspect').map(suspect), ...problemFindings(problems)],
  };
}

/** What is the same of all of them, and as one expects it, has no column: names are long and terminals narrow. */
function listTable(backups: readonly ReportedBackup[], keepDays: KeepDays): ReportTable {
  const databases = new Set(backups.map(({ manifest }) => manifest.database.name));
  const columns: readonly (readonly [string, (backup: ReportedBackup) => string])[] = [
    ['backup', ({ manifest }) => manifest.id],
    ['state', ({ state }) => state],
    ['size', ({ manifest }) => quantity(sizeOf(manifest), 'bytes')],
    ['expires', ({ manifest, pinned }) => (pinned ? 'pinned' : (expiryDay(manifest, keepDays) ?? 'never'))],
    ...(backups.every(({ manifest }) => manifest.kind === 'full')
      ? []
      : ([['kind', ({ manifest }: ReportedBackup) => manifest.kind]] as const)),
    ...(backups.every(({ manifest }) => manifest.encryption === undefined)
      ? []
      : ([['encrypted', ({ manifest }: ReportedBackup) => (manifest.encryption === undefined ? '' : 'age')]] as const)),
    ...(databases.size < 2 ? [] : ([['database', ({ manifest }: ReportedBackup) => manifest.database.name]] as const)),
  ];
  return {
    columns: columns.map(([name]) => name),
    alignRight: [2],
    rows: backups.map((backup) => columns.map(([, cell]) => cell(backup))),
  };
}

/** What prune decided, in the order of the list. */
export function pruneResult(decisions: readonly PruneDecision[], deleted: boolean): CommandResult {
  const gone = decisions.filter((decision) => decision.delete);
  const text = deleted
    ? `deleted ${quantity(gone.length)} of ${counted(decisions.length, 'backup')}`
    : `would delete ${quantity(gone.length)} of ${counted(decisions.length, 'backup')}${gone.length === 0 ? '' : '; --yes does it'}`;
  return {
    text,
    tables: [
      {
        columns: ['', 'backup', 'why'],
        rows: decisions.map(({ id, delete: isGone, reason }) => [
          isGone ? (deleted ? 'deleted' : 'delete') : 'keep',
          id,
          reason,
        ]),
      },
    ],
    data: { decisions, deleted: deleted ? gone.map(({ id }) => id) : [] },
  };
}

function expiryDay(manifest: Manifest, keepDays: KeepDays): string | undefined {
  const expiry = expiryOf(Date.parse(manifest.createdAt), manifest.class, keepDays);
  return expiry === undefined ? undefined : new Date(expiry).toISOString().slice(0, 10);
}

function leftOutTable(leftOut: Manifest['leftOut']): ReportTable {
  return {
    title: 'Not in this backup',
    columns: ['what', 'why'],
    rows: leftOut.map(({ what, why }) => [what, why]),
  };
}

function suspect({ manifest }: ReportedBackup): Finding {
  return {
    check: 'backup-suspect',
    severity: 'critical',
    object: manifest.id,
    message: 'failed its last verification',
    remediation: `aisha-db backup verify ${manifest.id} --restore`,
  };
}

/** Folders that claim to be a backup and are none. */
export function damagedFindings(damaged: StoreProblems['damaged']): Finding[] {
  return damaged.map(({ path, reason }) => ({
    check: 'backup-damaged',
    severity: 'critical',
    object: path,
    message: `is no backup: ${reason}`,
    remediation: 'Restore the folder from a copy, or remove it.',
  }));
}

function problemFindings({ damaged, failures }: StoreProblems): Finding[] {
  return [
    ...damagedFindings(damaged),
    ...failures.map(
      ({ id, at, reason }): Finding => ({
        check: 'backup-failed',
        severity: 'warning',
        object: id,
        message: `failed on ${at}: ${reason}`,
        remediation: 'Take a backup that succeeds: until then nothing of this database is pruned.',
      }),
    ),
  ];
}
