import { createHash } from 'node:crypto';
import type { CatalogPrint } from './catalog-print.ts';
import { changedObjects, hashOfPrint } from './catalog-print.ts';

const SCHEMA = 'aisha-db/rehearsal@1';

/** A file that was to be applied. */
export interface PlannedFile {
  readonly file: string;
  readonly checksum: string;
}

/** What a rehearsal was of: when any of it is another now, it says nothing about now. */
export interface Subject {
  /** `databaseKey` of the database that was copied. */
  readonly database: string;
  readonly serverVersion: string;
  /** The pending files in the order in which they ran. */
  readonly plan: readonly PlannedFile[];
  readonly catalog: CatalogPrint;
  /** Schemas that the catalog was read without. */
  readonly excludedSchemas: readonly string[];
  /** Session settings of the run and its limits. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A rehearsal as it is kept. */
export interface RehearsalRecord extends Subject {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly passed: boolean;
  /** Identifier of the backup that was the copy. */
  readonly backup: string;
  /** What the command reported. */
  readonly report: unknown;
}

/** One hash over what was rehearsed: plan, settings, catalog and version of the server. */
function hashOfSubject({ database, serverVersion, plan, catalog, settings }: Subject): string {
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return hashOf([
    database,
    serverVersion,
    plan.map(({ file, checksum }) => [file, checksum]),
    hashOfPrint(catalog),
    sorted,
  ]);
}

/** The text of a file that proves itself. */
export function serializeRecord(record: RehearsalRecord): string {
  const content = { ...record, subject: hashOfSubject(record) };
  return `${JSON.stringify({ schema: SCHEMA, sha256: hashOf(content), ...content }, null, 2)}\n`;
}

/** `undefined` for what is no rehearsal, or was changed since it was written. */
export function parseRecord(text: string): RehearsalRecord | undefined {
  try {
    const { schema, sha256, ...content } = JSON.parse(text) as Record<string, unknown>;
    if (schema !== SCHEMA || sha256 !== hashOf(content)) return undefined;
    const { subject, ...record } = content;
    const known = record as unknown as RehearsalRecord;
    return subject === hashOfSubject(known) ? known : undefined;
  } catch {
    return undefined;
  }
}

/** What is named of the objects that changed. */
const NAMED = 5;

/**
 * Why a rehearsal does not stand for what is to be done now; nothing when it does. The first files of what was rehearsed
 * may be applied without the rest: they met the same catalog.
 */
export function whatChanged(record: RehearsalRecord, now: Subject): string[] {
  return [
    ...(record.passed ? [] : ['it did not pass']),
    ...(record.serverVersion === now.serverVersion
      ? []
      : [`the server was ${record.serverVersion} and is ${now.serverVersion}`]),
    ...planChanges(record.plan, now.plan),
    ...settingChanges(record.settings, now.settings),
    ...catalogChanges(changedObjects(record.catalog, now.catalog)),
  ];
}

function planChanges(before: readonly PlannedFile[], now: readonly PlannedFile[]): string[] {
  const rehearsed = new Map(before.map(({ file, checksum }) => [file, checksum]));
  const changes = now.flatMap(({ file, checksum }) => {
    const was = rehearsed.get(file);
    if (was === undefined) return [`${file} was not part of it`];
    return was === checksum ? [] : [`${file} has other content now`];
  });
  if (changes.length > 0) return changes;
  const inOrder = now.every(({ file }, index) => before[index]?.file === file);
  return inOrder ? [] : ['the files are applied in another order, or not from the first one on'];
}

function settingChanges(before: Subject['settings'], now: Subject['settings']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names
    .filter((name) => before[name] !== now[name])
    .map((name) => `the setting ${name} was ${before[name] ?? 'not given'} and is ${now[name] ?? 'not given'}`);
}

function catalogChanges(objects: readonly string[]): string[] {
  if (objects.length === 0) return [];
  const rest = objects.length > NAMED ? ` and ${objects.length - NAMED} more` : '';
  return [`the catalog is another one: ${objects.slice(0, NAMED).join(', ')}${rest}`];
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
