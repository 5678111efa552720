import { quoteQualified } from '../postgres/quote.ts';
import type { InHand } from './ledger.ts';
import type { Unit } from './mode.ts';
import type { Alone, RelationName } from './nature.ts';
import type { Running } from './runner.ts';

/** What became of a statement: it took effect, it did not (and left nothing), or nobody can tell. */
export type Verdict = 'done' | 'not-done' | 'unknown';

/** What has to be known before a statement runs alone, to recognise afterwards what it left: OIDs of indexes. */
export async function before(running: Running, unit: Unit): Promise<number[]> {
  const { alone } = unit;
  if (alone?.type === 'create-index') {
    await dropForeignInvalid(running, alone);
    return (await indexesOf(running, alone.table)).map((index) => index.oid);
  }
  if (alone?.type === 'reindex-concurrently') return (await invalidIndexes(running)).map((index) => index.oid);
  return [];
}

/**
 * Finds out from the catalog whether the unit in hand has taken effect, and removes what a half-done one left.
 * @param ran it has just ended without an error
 */
export async function settle(running: Running, unit: Unit, inHand: InHand, ran = false): Promise<Verdict> {
  if (unit.kind === 'self-committing') return ran ? 'done' : 'unknown';
  const { alone } = unit;
  if (!alone) return 'not-done';
  switch (alone.type) {
    case 'create-index':
      return settleIndex(running, alone, inHand, ran);
    case 'drop-index':
      return (await Promise.all(alone.indexes.map((index) => exists(running, index)))).some(Boolean)
        ? 'not-done'
        : 'done';
    case 'detach-partition':
      return settleDetach(running, alone);
    case 'create-object':
      return (await objectExists(running, alone)) ? 'done' : 'not-done';
    case 'drop-object':
      return (await objectExists(running, alone)) ? 'not-done' : 'done';
    case 'reindex-concurrently':
      await dropLeftovers(running, inHand);
      return ran ? 'done' : 'not-done';
    case 'repeatable':
      return ran ? 'done' : 'not-done';
  }
}

/** After an error: nothing of the statement may stay behind. */
export async function cleanUp(running: Running, unit: Unit, inHand: InHand): Promise<void> {
  if (unit.alone?.type === 'create-index') await dropNewInvalid(running, unit.alone.table, inHand);
  if (unit.alone?.type === 'reindex-concurrently') await dropLeftovers(running, inHand);
}

interface Index {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly valid: boolean;
}

const INDEX_COLUMNS = `select c.oid::int8::float8 as oid, n.nspname as schema, c.relname as name, i.indisvalid as valid
   from pg_catalog.pg_index i
   join pg_catalog.pg_class c on c.oid = i.indexrelid
   join pg_catalog.pg_namespace n on n.oid = c.relnamespace`;

/** IF NOT EXISTS over an invalid index is a NOTICE to PostgreSQL and no success: the index it names must be valid. */
async function settleIndex(
  running: Running,
  alone: Extract<Alone, { type: 'create-index' }>,
  inHand: InHand,
  ran: boolean,
): Promise<Verdict> {
  await dropNewInvalid(running, alone.table, inHand);
  const indexes = await indexesOf(running, alone.table);
  const fresh = indexes.filter((index) => !inHand.indexes.includes(index.oid));
  if (fresh.length > 0) return 'done';
  const named = indexes.find((index) => index.name === alone.index);
  return ran && alone.ifNotExists && (named === undefined || named.valid) ? 'done' : 'not-done';
}

async function dropNewInvalid(running: Running, table: RelationName, inHand: InHand): Promise<void> {
  for (const index of await indexesOf(running, table)) {
    if (!index.valid && !inHand.indexes.includes(index.oid)) await dropIndex(running, index);
  }
}

/** An invalid index of the same name that nobody is building any more would make IF NOT EXISTS skip the build. */
async function dropForeignInvalid(running: Running, alone: Extract<Alone, { type: 'create-index' }>): Promise<void> {
  if (!alone.ifNotExists) return;
  const named = (await indexesOf(running, alone.table)).find((index) => index.name === alone.index && !index.valid);
  if (!named) return;
  const building = await running.work.query(
    'select from pg_catalog.pg_stat_progress_create_index where index_relid = $1::bigint::oid',
    [named.oid],
  );
  if (building.length === 0) await dropIndex(running, named);
}

async function dropLeftovers(running: Running, inHand: InHand): Promise<void> {
  for (const index of await invalidIndexes(running)) {
    if (/_cc(new|old)\d*$/.test(index.name) && !inHand.indexes.includes(index.oid)) await dropIndex(running, index);
  }
}

async function dropIndex(running: Running, index: Index): Promise<void> {
  running.tell(`removing index ${index.schema}.${index.name}, left invalid by an interrupted build`);
  await running.work.query(`drop index concurrently if exists ${quoteQualified(index.schema, index.name)}`);
}

async function indexesOf(running: Running, table: RelationName): Promise<Index[]> {
  return running.work.query<Index>(`${INDEX_COLUMNS} where i.indrelid = pg_catalog.to_regclass($1)`, [nameOf(table)]);
}

async function invalidIndexes(running: Running): Promise<Index[]> {
  return running.work.query<Index>(`${INDEX_COLUMNS} where not i.indisvalid`);
}

async function exists(running: Running, relation: RelationName): Promise<boolean> {
  const [row] = await running.work.query<{ found: boolean }>('select pg_catalog.to_regclass($1) is not null as found', [
    nameOf(relation),
  ]);
  return row!.found;
}

/** A detach that was interrupted between its two transactions has to be finished (PostgreSQL docs, ALTER TABLE, FINALIZE). */
async function settleDetach(running: Running, alone: Extract<Alone, { type: 'detach-partition' }>): Promise<Verdict> {
  const rows = await running.work.query<{ pending: boolean; parent: string; child: string }>(
    `select coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) as pending, i.inhparent::regclass::text as parent, i.inhrelid::regclass::text as child
       from pg_catalog.pg_inherits i
      where i.inhrelid = pg_catalog.to_regclass($1) and i.inhparent = pg_catalog.to_regclass($2)`,
    [nameOf(alone.partition), nameOf(alone.table)],
  );
  const [row] = rows;
  if (!row) return 'done';
  if (!row.pending) return 'not-done';
  await running.work.query(`alter table ${row.parent} detach partition ${row.child} finalize`);
  return 'done';
}

const CATALOG_QUERY: Readonly<Record<string, string>> = {
  database: 'select from pg_catalog.pg_database where datname = $1',
  tablespace: 'select from pg_catalog.pg_tablespace where spcname = $1',
  subscription: 'select from pg_catalog.pg_subscription where subname = $1',
};

async function objectExists(
  running: Running,
  alone: Extract<Alone, { type: 'create-object' | 'drop-object' }>,
): Promise<boolean> {
  return (await running.work.query(CATALOG_QUERY[alone.catalog]!, [alone.name])).length > 0;
}

function nameOf(relation: RelationName): string {
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return relation.schema === undefined ? quote(relation.name) : `${quote(relation.schema)}.${quote(relation.name)}`;
}
