import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { type HashedColumn, rowHashSql } from './fingerprint.ts';
import type { FingerprintMethod, LargeObjectMethod, LargeObjects, SequenceValue, TableContent } from './manifest.ts';

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/**
 * Counts and sums up the rows of one table in the session's transaction. Hashing costs little more than count(*) does,
 * and gives the same on every version.
 * @param method the one that was used at the dump, when two are to be compared
 */
export async function readTable(
  session: Session,
  { schema, name }: TableName,
  method: FingerprintMethod = 'columns',
): Promise<TableContent> {
  const relation = quoteQualified(schema, name);
  const columns = method === 'columns' ? await readColumns(session, relation) : [];
  const [row] = await session.query<Pick<TableContent, 'rows' | 'fingerprint'>>(
    `select count(*)::float8 as rows, coalesce(sum(${rowHashSql(method, columns)}), 0)::text as fingerprint from only ${relation} t`,
  );
  return { schema, name, method, ...row! };
}

/** Of a large object that are hashed at once: one of 512 MB has no text as a whole, which is how older versions did it. */
const PART_BYTES = 262_144;

const PART_HASH = `pg_catalog.hashtextextended(m.oid || ':' || n || ':' || pg_catalog.encode(d, 'hex'), 0)`;

const LARGE_OBJECT_HASH: Readonly<Record<LargeObjectMethod, string>> = {
  whole: `pg_catalog.hashtextextended(m.oid || ':' || pg_catalog.encode(pg_catalog.lo_get(m.oid), 'hex'), 0)`,
  parts: `(
    with recursive part as (
      select n, pg_catalog.length(d) as bytes, ${PART_HASH} as hash
      from (select 0 as n, pg_catalog.lo_get(m.oid, 0, ${PART_BYTES}) as d offset 0) first
      union all
      select n, pg_catalog.length(d), ${PART_HASH} from (
        select p.n + 1 as n, pg_catalog.lo_get(m.oid, (p.n + 1)::bigint * ${PART_BYTES}, ${PART_BYTES}) as d
        from part p where p.bytes = ${PART_BYTES} offset 0) next
    )
    select sum(hash) from part)`,
};

/** Counts and sums up the large objects, as far as the role may read them. */
export async function readLargeObjects(session: Session, method: LargeObjectMethod): Promise<LargeObjects> {
  const [row] = await session.query<Omit<LargeObjects, 'method'>>(
    `select count(*)::float8 as count, coalesce(sum(${LARGE_OBJECT_HASH[method]}), 0)::text as fingerprint
     from pg_catalog.pg_largeobject_metadata m`,
  );
  return { ...row!, method };
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

/** Those of extensions are made by them, and are not among these. */
export async function readSequences(session: Session, excludedSchemas: readonly string[]): Promise<SequenceValue[]> {
  return session.query<SequenceValue>(
    `select schemaname as schema, sequencename as name, last_value::text as "lastValue", increment_by::text as increment
     from pg_catalog.pg_sequences q
     where schemaname <> all ($1) and not exists (${MEMBER} and n.nspname = q.schemaname and c.relname = q.sequencename)
     order by schemaname collate "C", sequencename collate "C"`,
    [excludedSchemas],
  );
}

/** Sequences that belong to extensions: backups of older versions list them as well. */
export async function readExtensionSequences(session: Session): Promise<TableName[]> {
  return session.query<TableName>(MEMBER);
}

const MEMBER = `select n.nspname as schema, c.relname as name from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_depend x on x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid and x.deptype = 'e'
  where c.relkind = 'S'`;

async function readColumns(session: Session, relation: string): Promise<HashedColumn[]> {
  return session.query<HashedColumn>(
    `with recursive columns as (
       select a.attnum, a.attname, a.atttypid as type from pg_catalog.pg_attribute a
       where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
       union all
       select c.attnum, c.attname, t.typbasetype from columns c join pg_catalog.pg_type t on t.oid = c.type
       where t.typtype = 'd'
     )
     select c.attname::text as name, c.type::bigint::float8 as type
     from columns c join pg_catalog.pg_type t on t.oid = c.type where t.typtype <> 'd' order by c.attnum`,
    [relation],
  );
}
