import { formatDuration } from '../duration.ts';
import { groupBy } from '../group-by.ts';
import type { CommandResult, Finding, Measure } from '../report/report.ts';
import { type Manifest, sizeOf } from './manifest.ts';
import type { ReportedBackup } from './report.ts';
import { BACKUP_CLASSES, type BackupClass, type BackupSettings } from './settings.ts';

/** A database as a store knows it. */
interface KnownDatabase {
  /** Whatever tells one database from another. */
  readonly key: string;
  readonly name: string;
  readonly server: string;
}

/** How the backups of one class stand. Ages are milliseconds since the snapshot: what came later would be lost. */
interface ClassStatus {
  readonly class: BackupClass;
  readonly newest: ReportedBackup | undefined;
  readonly age: number | undefined;
  readonly verified: ReportedBackup | undefined;
  readonly verifiedAge: number | undefined;
  /** How old the newest may be; `undefined` when nobody waits for one. */
  readonly limit: number | undefined;
}

/** How the backups of one database stand. */
export interface DatabaseStatus {
  readonly database: KnownDatabase;
  readonly classes: readonly ClassStatus[];
  /** Recovery point: the age of the newest backup, of any class, that a restore has proved. */
  readonly rpo: number | undefined;
  /** Recovery time: milliseconds that the last restore of a proof took; the longest is that of all backups there are. */
  readonly rto: { readonly last: number; readonly longest: number } | undefined;
  readonly lastFailure: FailedAttempt | undefined;
}

interface FailedAttempt {
  readonly database: string;
  readonly class: BackupClass;
  readonly at: string;
  readonly reason: string;
}

type Schedule = Pick<BackupSettings, 'maxAge' | 'maxProofAgeMs'>;

/**
 * How the backups of each database stand. Only full ones count: nothing else brings a database back. A class is waited
 * for when it has a limit and the database has had one; `daily` always (manual 8.1).
 * @param keyOf whatever tells one database from another
 */
export function statusOf(
  backups: readonly ReportedBackup[],
  failures: readonly FailedAttempt[],
  keyOf: (manifest: Manifest) => string,
  { maxAge }: Schedule,
  now: number,
): DatabaseStatus[] {
  const full = backups.filter(({ manifest }) => manifest.kind === 'full');
  const known = groupBy(full, ({ manifest }) => keyOf(manifest));
  const strangers = failures.filter(({ database }) => !known.has(database)).map(({ database }) => database);
  return [...known.keys(), ...new Set(strangers)].map((key) => {
    const own = (known.get(key) ?? []).toSorted((a, b) => createdAt(a) - createdAt(b));
    const proved = own.filter(({ state }) => state === 'verified');
    const times = proved.flatMap(({ restoreMs }) => restoreMs ?? []);
    const failed = failures.filter(({ database }) => database === key);
    return {
      database: describeDatabase(key, own.at(-1)?.manifest),
      classes: BACKUP_CLASSES.map((name) => classStatus(name, own, maxAge, now)),
      rpo: ageOf(proved.at(-1), now),
      rto: times.length === 0 ? undefined : { last: times.at(-1)!, longest: Math.max(...times) },
      lastFailure: failed.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1),
    };
  });
}

/** A database of which every attempt failed is known by its key alone. */
function describeDatabase(key: string, manifest: Manifest | undefined): KnownDatabase {
  if (manifest === undefined) return { key, name: key.slice(key.indexOf('/') + 1), server: key.split('/')[0]! };
  return { key, name: manifest.database.name, server: `${manifest.server.host}:${manifest.server.port}` };
}

function classStatus(
  name: BackupClass,
  own: readonly ReportedBackup[],
  maxAge: BackupSettings['maxAge'],
  now: number,
): ClassStatus {
  const ofClass = own.filter(({ manifest }) => manifest.class === name);
  const newest = ofClass.at(-1);
  const verified = ofClass.findLast(({ state }) => state === 'verified');
  const isExpected = name === 'daily' || newest !== undefined;
  return {
    class: name,
    newest,
    age: ageOf(newest, now),
    verified,
    verifiedAge: ageOf(verified, now),
    limit: isExpected ? (maxAge[name] ?? undefined) : undefined,
  };
}

function createdAt({ manifest }: ReportedBackup): number {
  return Date.parse(manifest.createdAt);
}

/** The clocks of server and machine may differ. */
function ageOf(backup: ReportedBackup | undefined, now: number): number | undefined {
  return backup === undefined ? undefined : Math.max(0, now - createdAt(backup));
}

// ── the report ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** One line for each database, what is wrong, and figures for a monitoring system. */
export function statusResult(statuses: readonly DatabaseStatus[], schedule: Schedule): CommandResult {
  const several = statuses.length > 1;
  return {
    text: statuses
      .map((status) => (several ? `${status.database.name}: ${lineOf(status)}` : lineOf(status)))
      .join('\n'),
    findings: statuses.length === 0 ? [NOTHING] : statuses.flatMap((status) => findingsOf(status, schedule)),
    data: { databases: statuses.map(dataOf) },
    measures: statuses.flatMap(measuresOf),
  };
}

const NOTHING: Finding = {
  check: 'backup-missing',
  severity: 'critical',
  object: 'the store',
  message: 'holds no full backup',
  remediation: 'aisha-db backup create --class daily --restore',
};

/** `last verified daily: 6 h ago, weekly: 3 d ago; RPO 6 h, RTO 3 min 2 s`, the newest first. */
function lineOf({ classes, rpo, rto }: DatabaseStatus): string {
  if (rpo === undefined) return 'nothing is verified: what a restore would bring back is not known';
  const proved = classes
    .flatMap(({ class: name, verifiedAge: age }) => (age === undefined ? [] : [{ name, age }]))
    .toSorted((a, b) => a.age - b.age);
  const list = proved.map(({ name, age }) => `${name}: ${formatDuration(age)} ago`).join(', ');
  return `last verified ${list}; RPO ${formatDuration(rpo)}, RTO ${rto === undefined ? 'not measured' : formatDuration(rto.last)}`;
}

function findingsOf(status: DatabaseStatus, { maxProofAgeMs }: Schedule): Finding[] {
  const { database, classes, rpo, lastFailure } = status;
  return [
    ...(lastFailure === undefined ? [] : [failed(database, lastFailure)]),
    ...classes.flatMap((own) => [...late(database, own), ...suspect(database, own)]),
    ...unproved(database, rpo, maxProofAgeMs),
  ];
}

function failed({ name }: KnownDatabase, { class: backupClass, at, reason }: FailedAttempt): Finding {
  return {
    check: 'backup-failed',
    severity: 'critical',
    object: `${name} ${backupClass}`,
    message: `the last attempt failed on ${at}: ${reason}`,
    remediation: `Mend what it says, then: aisha-db backup create --class ${backupClass}`,
  };
}

function late({ name }: KnownDatabase, { class: backupClass, age, limit }: ClassStatus): Finding[] {
  if (limit === undefined || (age !== undefined && age <= limit)) return [];
  const finding = { check: 'backup-late', severity: 'critical', object: `${name} ${backupClass}` } as const;
  const remediation = `Look why it was not taken, then: aisha-db backup create --class ${backupClass}`;
  if (age === undefined) return [{ ...finding, message: 'there is none', remediation }];
  const message = `the newest is ${formatDuration(age)} old, and may be ${formatDuration(limit)}`;
  return [{ ...finding, message, remediation, metric: age, unit: 'milliseconds' }];
}

function suspect({ name }: KnownDatabase, { class: backupClass, newest }: ClassStatus): Finding[] {
  if (newest?.state !== 'suspect') return [];
  return [
    {
      check: 'backup-suspect',
      severity: 'critical',
      object: `${name} ${backupClass}`,
      message: `the newest, ${newest.manifest.id}, failed its verification`,
      remediation: `aisha-db backup create --class ${backupClass} --restore`,
    },
  ];
}

function unproved({ name }: KnownDatabase, rpo: number | undefined, limit: number): Finding[] {
  if (limit === 0 || (rpo !== undefined && rpo <= limit)) return [];
  const finding = { check: 'backup-unproved', severity: 'warning', object: name } as const;
  const remediation = 'aisha-db backup verify latest --restore';
  if (rpo === undefined) return [{ ...finding, message: 'no backup has been proved by a restore', remediation }];
  const message = `the newest verified backup is ${formatDuration(rpo)} old, and may be ${formatDuration(limit)}`;
  return [{ ...finding, message, remediation, metric: rpo, unit: 'milliseconds' }];
}

function dataOf({ database, classes, rpo, rto, lastFailure }: DatabaseStatus): Readonly<Record<string, unknown>> {
  return {
    database: database.name,
    server: database.server,
    rpoMs: rpo ?? null,
    rtoMs: rto?.last ?? null,
    longestRtoMs: rto?.longest ?? null,
    lastFailure: lastFailure ?? null,
    classes: classes
      .filter(({ newest, limit }) => newest !== undefined || limit !== undefined)
      .map(({ class: name, newest, age, verified, verifiedAge, limit }) => ({
        class: name,
        newest: newest?.manifest.id ?? null,
        state: newest?.state ?? null,
        ageMs: age ?? null,
        maxAgeMs: limit ?? null,
        lastVerified: verified?.manifest.id ?? null,
        verifiedAgeMs: verifiedAge ?? null,
      })),
  };
}

function measuresOf({ database, classes, rpo, rto, lastFailure }: DatabaseStatus): Measure[] {
  const own = { database: database.name, server: database.server };
  const measure = (name: string, help: string, value: number | undefined, more: Measure['labels'] = {}): Measure[] =>
    value === undefined ? [] : [{ name, help, unit: 'milliseconds', labels: { ...own, ...more }, value }];
  return [
    ...measure('backup_rpo', 'Age of the newest backup that a restore has proved.', rpo),
    ...measure('backup_rto', 'How long the restore of the last proof took.', rto?.last),
    ...classes.flatMap(({ class: name, age, verifiedAge, limit, newest }) => [
      ...measure('backup_age', 'Age of the newest full backup.', age, { class: name }),
      ...measure('backup_verified_age', 'Age of the newest verified full backup.', verifiedAge, { class: name }),
      ...measure('backup_max_age', 'How old the newest full backup may be.', limit, { class: name }),
      ...(newest === undefined ? [] : [sizeMeasure(newest, { ...own, class: name })]),
    ]),
    {
      name: 'backup_last_attempt_failed',
      help: 'Whether the last attempt to back up failed: 1 or 0.',
      unit: 'count',
      labels: own,
      value: lastFailure === undefined ? 0 : 1,
    },
  ];
}

function sizeMeasure({ manifest }: ReportedBackup, labels: Measure['labels']): Measure {
  return {
    name: 'backup_size',
    help: 'Size of the newest full backup.',
    unit: 'bytes',
    labels,
    value: sizeOf(manifest),
  };
}
