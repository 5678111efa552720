import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
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
  const { alone } = unit;
  if (unit.kind === 'self-committing') return ran ? 'done' : alone ? 'not-done' : 'unknown';
  if (!alone) return 'not-done';
  if (alone.type === 'create-index') return settleIndex(running, alone, inHand, ran);
  if (ran) return 'done';
  switch (alone.type) {
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
      return 'not-done';
    case 'repeatable':
      return 'not-done';
  }
}

/** After an error: nothing of the statement may stay behind. */
export async function cleanUp(running: Running, unit: Unit, inHand: InHand): Promise<void> {
  if (unit.alone?.type === 'create-index') await dropNewInvalid(running, unit.alone, inHand);
  if (unit.alone?.type === 'reindex-concurrently') await dropLeftovers(running, inHand);
}

/** Whether a statement that failed has left something all the same, because it could not be taken back. */
export async function leavesSomething(running: Running, unit: Unit, inHand: InHand): Promise<boolean> {
  const { alone } = unit;
  if (!alone || unit.kind === 'self-committing') return true;
  switch (alone.type) {
    case 'create-index':
      return (await newInvalid(running, alone, inHand)).length > 0;
    case 'reindex-concurrently':
      return (await leftovers(running, inHand)).length > 0;
    case 'drop-index':
      return (await Promise.all(alone.indexes.map((index) => isInvalid(running, index)))).some(Boolean);
    case 'detach-partition':
      return (await detaching(running, alone))?.pending ?? false;
    default:
      return false;
  }
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
async function settleIndex(running: Running, alone: CreateIndex, inHand: InHand, ran: boolean): Promise<Verdict> {
  await dropNewInvalid(running, alone, inHand);
  const indexes = await indexesOf(running, alone.table);
  if (indexes.some((index) => isNew(index, alone, inHand))) return 'done';
  const named = indexes.find((index) => index.name === alone.index);
  return ran && alone.ifNotExists && (named === undefined || named.valid) ? 'done' : 'not-done';
}

type CreateIndex = Extract<Alone, { type: 'create-index' }>;

/** Made by the statement in hand, and not by somebody else meanwhile. */
function isNew(index: Index, alone: CreateIndex, inHand: InHand): boolean {
  return !inHand.indexes.includes(index.oid) && (alone.index === undefined || index.name === alone.index);
}

async function newInvalid(running: Running, alone: CreateIndex, inHand: InHand): Promise<Index[]> {
  const indexes = await indexesOf(running, alone.table);
  return indexes.filter((index) => !index.valid && isNew(index, alone, inHand));
}

async function dropNewInvalid(running: Running, alone: CreateIndex, inHand: InHand): Promise<void> {
  for (const index of await newInvalid(running, alone, inHand)) await dropIndex(running, index);
}

/** An invalid index of the same name that nobody is building any more would make IF NOT EXISTS skip the build. */
async function dropForeignInvalid(running: Running, alone: CreateIndex): Promise<void> {
  if (!alone.ifNotExists) return;
  const named = (await indexesOf(running, alone.table)).find((index) => index.name === alone.index && !index.valid);
  if (!named) return;
  const building = await running.work.query(
    'select from pg_catalog.pg_stat_progress_create_index where index_relid = $1::bigint::oid',
    [named.oid],
  );
  if (building.length === 0) await dropIndex(running, named);
}

async function leftovers(running: Running, inHand: InHand): Promise<Index[]> {
  const indexes = await invalidIndexes(running);
  return indexes.filter((index) => /_cc(new|old)\d*$/.test(index.name) && !inHand.indexes.includes(index.oid));
}

async function dropLeftovers(running: Running, inHand: InHand): Promise<void> {
  for (const index of await leftovers(running, inHand)) await dropIndex(running, index);
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

async function isInvalid(running: Running, index: RelationName): Promise<boolean> {
  const where = 'where not i.indisvalid and i.indexrelid = pg_catalog.to_regclass($1)';
  return (await running.work.query(`${INDEX_COLUMNS} ${where}`, [nameOf(index)])).length > 0;
}

type DetachPartition = Extract<Alone, { type: 'detach-partition' }>;

/** A detach that was interrupted between its two transactions has to be finished (PostgreSQL docs, ALTER TABLE, FINALIZE). */
async function settleDetach(running: Running, alone: DetachPartition): Promise<Verdict> {
  const link = await detaching(running, alone);
  if (!link) return 'done';
  if (!link.pending) return 'not-done';
  await running.work.query(`alter table ${link.parent} detach partition ${link.child} finalize`);
  return 'done';
}

/** The partition as it hangs on its table, if it does. */
async function detaching(running: Running, alone: DetachPartition) {
  const [link] = await running.work.query<{ pending: boolean; parent: string; child: string }>(
    `select coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) as pending, i.inhparent::regclass::text as parent, i.inhrelid::regclass::text as child
       from pg_catalog.pg_inherits i
      where i.inhrelid = pg_catalog.to_regclass($1) and i.inhparent = pg_catalog.to_regclass($2)`,
    [nameOf(alone.partition), nameOf(alone.table)],
  );
  return link;
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
  const { schema, name } = relation;
  return schema === undefined ? quoteIdentifier(name) : quoteQualified(schema, name);
}
