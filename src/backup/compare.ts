import { groupBy } from '../group-by.ts';
import type { LargeObjects, Manifest, SequenceValue, TableContent } from './manifest.ts';

/** One thing of the catalog and all that is to be the same about it after a restore. */
export interface CatalogEntry {
  /** `table`, `policy`, `function`, … */
  readonly kind: string;
  /** Qualified name, with the signature of a function. */
  readonly name: string;
  readonly schema: string;
  readonly definition: string;
}

/** Something that is not as it was. */
export interface Difference {
  /** `policy public.invoice tenant_isolation`. */
  readonly object: string;
  readonly message: string;
}

/** The major versions of the servers whose catalogs are compared. */
export interface Majors {
  readonly before: number;
  readonly after: number;
}

/**
 * Differences of what the catalog says, in the order of names.
 * @param majors by default the two are of one version
 */
export function compareCatalogs(
  before: readonly CatalogEntry[],
  after: readonly CatalogEntry[],
  majors?: Majors,
): Difference[] {
  const [old, restored] = [byObject(before), byObject(after)];
  const isWrittenOtherwise = majors !== undefined && majors.before < SHORT_NAMES && majors.after >= SHORT_NAMES;
  const objects = [...new Set([...old.keys(), ...restored.keys()])].sort();
  return objects.flatMap((object) => {
    const [was, is] = [old.get(object), restored.get(object)];
    if (was === is) return [];
    if (isWrittenOtherwise && isSameView(object, was, is)) return [];
    if (is === undefined) return [{ object, message: 'is missing after the restore' }];
    if (was === undefined) return [{ object, message: 'is there after the restore and was not there before' }];
    return [{ object, message: `is ${is} after the restore and was ${was}` }];
  });
}

/** From this version on a view of a single table is shown without the table's name before its columns. */
const SHORT_NAMES = 16;

const NAME = String.raw`(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)`;
/** A name before another one, but not before a function: that is a schema. Literals and other names are passed over. */
const QUALIFIER = new RegExp(`'(?:[^']|'')*'|(${NAME})\\.(?!${NAME}\\()|${NAME}`, 'gu');

function isSameView(object: string, was: string | undefined, is: string | undefined): boolean {
  if (!object.startsWith('view definition ') || was === undefined || is === undefined) return false;
  const names = new Set([...was.matchAll(QUALIFIER)].flatMap(([, name]) => name ?? []));
  return [...names].some((name) => without(name, was) === without(name, is));
}

function without(qualifier: string, definition: string): string {
  return definition.replaceAll(QUALIFIER, (text, name: string | undefined) => (name === qualifier ? '' : text));
}

/** Differences of rows. A table that could not be read is missing from `after`. */
export function compareTables(before: readonly TableContent[], after: readonly TableContent[]): Difference[] {
  const restored = new Map(after.map((table) => [keyOf(table), table]));
  return before.flatMap((table) => {
    const object = `table ${table.schema}.${table.name}`;
    const found = restored.get(keyOf(table));
    if (found === undefined) return [{ object, message: 'its rows cannot be read after the restore' }];
    if (found.rows !== table.rows) {
      return [{ object, message: `has ${found.rows} rows after the restore and had ${table.rows}` }];
    }
    if (found.fingerprint === table.fingerprint) return [];
    return [{ object, message: `has other rows after the restore: ${table.rows} rows with another fingerprint` }];
  });
}

/**
 * Tables that were restored and that nobody counted at the dump: a verification that passes over a table would call it
 * equal. A backup without any table proves nothing either.
 */
export function tablesNotCounted(
  { kind, tables }: Pick<Manifest, 'kind' | 'tables'>,
  restored: readonly { readonly schema: string; readonly name: string }[],
): Difference[] {
  if (kind === 'schema') return [];
  if (tables.length === 0) {
    return [{ object: 'the backup', message: 'holds no table, so that there is nothing to prove' }];
  }
  if (kind === 'tables') return [];
  const counted = new Set(tables.map(keyOf));
  return restored
    .filter((table) => !counted.has(keyOf(table)))
    .map(({ schema, name }) => ({ object: `table ${schema}.${name}`, message: 'is restored and was not counted' }));
}

export function compareLargeObjects(before: LargeObjects | null, after: LargeObjects): Difference[] {
  if (before === null) return [];
  if (before.count !== after.count) {
    return [{ object: 'large objects', message: `are ${after.count} after the restore and were ${before.count}` }];
  }
  if (before.fingerprint === after.fingerprint) return [];
  return [{ object: 'large objects', message: 'have other content after the restore' }];
}

/** A sequence is outside of the snapshot, so its value may be ahead of what was read at it, and never behind. */
export function compareSequences(before: readonly SequenceValue[], after: readonly SequenceValue[]): Difference[] {
  const restored = new Map(after.map((sequence) => [keyOf(sequence), sequence]));
  return before.flatMap((sequence) => {
    const object = `sequence ${sequence.schema}.${sequence.name}`;
    const found = restored.get(keyOf(sequence));
    if (found === undefined) return [{ object, message: 'is missing after the restore' }];
    if (sequence.lastValue === null || !isBehind(found.lastValue, sequence)) return [];
    return [
      { object, message: `is at ${found.lastValue ?? 'its start'} after the restore and was at ${sequence.lastValue}` },
    ];
  });
}

function isBehind(value: string | null, { lastValue, increment }: SequenceValue): boolean {
  if (value === null) return true;
  const [is, was] = [BigInt(value), BigInt(lastValue ?? '0')];
  return increment.startsWith('-') ? is > was : is < was;
}

/** Several entries of one name (overloaded operators) are compared as a whole. */
function byObject(entries: readonly CatalogEntry[]): Map<string, string> {
  const groups = groupBy(entries, ({ kind, name }) => `${kind} ${name}`);
  return new Map(
    [...groups].map(([object, own]) => [
      object,
      own
        .map(({ definition }) => definition)
        .sort()
        .join('; '),
    ]),
  );
}

function keyOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}\0${name}`;
}
