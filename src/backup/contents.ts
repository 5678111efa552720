import { quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { FingerprintMethod, LargeObjects, SequenceValue, TableContent } from './manifest.ts';

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/**
 * Counts and sums up the rows of one table in the session's transaction. The hash of a record adds up those of its
 * columns, so that a sum over rows would not notice values that moved from one row to another: it is hashed once more.
 * Hashing records costs about what count(*) does and gives the same on every version from 14 on; a type without a hash function (json, point, xml) makes us hash
 * the text of the row instead, in the session's pinned formats.
 * @param method the one that was used at the dump, when two are to be compared; by default the first that works
 */
export async function readTable(
  session: Session,
  { schema, name }: TableName,
  method?: FingerprintMethod,
): Promise<TableContent> {
  if (method !== undefined) return { schema, name, method, ...(await sumUp(session, { schema, name }, method)) };
  await session.query('savepoint fingerprint');
  try {
    const content = await sumUp(session, { schema, name }, 'record');
    await session.query('release savepoint fingerprint');
    return { schema, name, method: 'record', ...content };
  } catch (error) {
    if ((error as { readonly code?: string }).code !== SQLSTATE.undefinedFunction) throw error;
    await session.query('rollback to savepoint fingerprint');
    return { schema, name, method: 'text', ...(await sumUp(session, { schema, name }, 'text')) };
  }
}

/** Counts and sums up the large objects, as far as the role may read them. */
export async function readLargeObjects(session: Session): Promise<LargeObjects> {
  const [row] = await session.query<LargeObjects>(
    `select count(*)::float8 as count,
       coalesce(sum(pg_catalog.hashtextextended(m.oid || ':' || pg_catalog.encode(pg_catalog.lo_get(m.oid), 'hex'), 0)), 0)::text as fingerprint
     from pg_catalog.pg_largeobject_metadata m`,
  );
  return row!;
}

/** Tables that hold rows themselves, as a backup counts them: partitions, not what they are partitions of. */
export async function readOrdinaryTables(session: Session, excludedSchemas: readonly string[]): Promise<TableName[]> {
  return session.query<TableName>(
    `select n.nspname as schema, c.relname as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> all ($1)
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_catalog.pg_depend x
         where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')
     order by n.nspname collate "C", c.relname collate "C"`,
    [excludedSchemas],
  );
}

export async function readSequences(session: Session, excludedSchemas: readonly string[]): Promise<SequenceValue[]> {
  return session.query<SequenceValue>(
    `select schemaname as schema, sequencename as name, last_value::text as "lastValue", increment_by::text as increment
     from pg_catalog.pg_sequences
     where schemaname <> all ($1) order by schemaname collate "C", sequencename collate "C"`,
    [excludedSchemas],
  );
}

async function sumUp(
  session: Session,
  { schema, name }: TableName,
  method: FingerprintMethod,
): Promise<Pick<TableContent, 'rows' | 'fingerprint'>> {
  const hash =
    method === 'record'
      ? 'pg_catalog.hashint8extended(pg_catalog.hash_record_extended(t.*, 0), 0)'
      : 'pg_catalog.hashtextextended(t.*::text, 0)';
  const [row] = await session.query<Pick<TableContent, 'rows' | 'fingerprint'>>(
    `select count(*)::float8 as rows, coalesce(sum(${hash}), 0)::text as fingerprint from only ${quoteQualified(schema, name)} t`,
  );
  return row!;
}
