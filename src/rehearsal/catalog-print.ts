import { createHash } from 'node:crypto';

/** An object of the catalog, as a backup's description of it has it. */
export interface CatalogEntry {
  readonly kind: string;
  readonly name: string;
  readonly schema: string;
  readonly definition: string;
}

/** Hash of what is known of each object: `table public.invoice` to 16 hexadecimal digits. */
export type CatalogPrint = Readonly<Record<string, string>>;

/** Whose table the ledger is: what is kept in it, and beside it, changes without a change of the database. */
export interface LedgerPlace {
  readonly schema: string;
  readonly table: string;
}

/** The catalog without the ledger and what is kept beside it. */
export function printCatalog(entries: readonly CatalogEntry[], ledger: LedgerPlace): CatalogPrint {
  const objects = new Map<string, string[]>();
  for (const entry of entries) {
    if (isOfLedger(entry, ledger)) continue;
    const object = `${entry.kind} ${entry.name}`;
    objects.set(object, [...(objects.get(object) ?? []), entry.definition]);
  }
  // Several entries of one name are overloaded operators: they are taken together.
  return Object.fromEntries([...objects].map(([object, own]) => [object, hashOf(own.sort().join('; ')).slice(0, 16)]));
}

/** Objects that are new, gone or other than they were. */
export function changedObjects(before: CatalogPrint, after: CatalogPrint): string[] {
  const objects = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return objects.filter((object) => before[object] !== after[object]).sort();
}

/** What became of an object. */
export interface ObjectChange {
  readonly object: string;
  readonly change: 'new' | 'gone' | 'changed';
}

/** The same in words. */
export function describeChanges(before: CatalogPrint, after: CatalogPrint): ObjectChange[] {
  return changedObjects(before, after).map((object) => ({
    object,
    change: before[object] === undefined ? 'new' : after[object] === undefined ? 'gone' : 'changed',
  }));
}

/** One hash for all of it. */
export function hashOfPrint(print: CatalogPrint): string {
  return hashOf(JSON.stringify(Object.entries(print).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function isOfLedger({ kind, name, schema }: CatalogEntry, ledger: LedgerPlace): boolean {
  if (schema !== ledger.schema && !(kind === 'schema' && name === ledger.schema)) return false;
  return ledger.schema !== 'public' || name.split(/[ .]/).includes(ledger.table);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
