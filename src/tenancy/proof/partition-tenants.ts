import { quoteIdentifier } from '../../postgres/quote.ts';
import { serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import type { ColumnFacts } from '../facts.ts';
import { displayName } from '../names.ts';
import { literalsIn, withoutStrings } from '../sql-tokens.ts';

/** So many partitions are asked for their bounds, and so many tenants are taken from them. */
const MOST_PARTITIONS = 64;
const MOST_TENANTS = 8;

const CHECKS = `
  select pg_catalog.pg_get_partition_constraintdef(leaf.relid) as text
  from pg_catalog.pg_partition_tree($1) leaf
  where leaf.isleaf and exists (
    select
    from pg_catalog.pg_partition_ancestors(leaf.relid) p
    join pg_catalog.pg_partitioned_table t on t.partrelid = p.relid and t.partstrat in ('l', 'r')
    join pg_catalog.pg_attribute k on k.attrelid = p.relid and k.attnum = any (t.partattrs::int2[])
    where k.attname = $2
  )
  order by leaf.level, leaf.relid
  limit $3
`;

/** Tenants whom bounds of a table's partitions name, or of the partitions that it is one of: those may have rows in it. */
export async function readTenantsOfPartitions(session: Session, table: number, column: string): Promise<string[]> {
  const rows = await session.query<{ text: string | null }>(CHECKS, [table, column, MOST_PARTITIONS]);
  return [...new Set(rows.flatMap(({ text }) => (text === null ? [] : tenantsIn(text, column))))].slice(
    0,
    MOST_TENANTS,
  );
}

/** Constants beside a column: a guess that decides which rows are made, and nothing else. */
function tenantsIn(check: string, column: string): string[] {
  const names = [displayName(column), quoteIdentifier(column)];
  const parts = check.split(' AND ').filter((part) => names.some((name) => part.includes(name)));
  return parts.flatMap((part) => {
    const numbers = withoutStrings(part).match(/(?<![\w.$"])-?\d+(?![\w.])/g) ?? [];
    return [...literalsIn(part).map(({ value }) => value), ...numbers];
  });
}

const OWN_CHECK = `
  select pg_catalog.pg_get_partition_constraintdef(oid) as text
  from pg_catalog.pg_class
  where oid = $1 and relispartition
`;

/** Those of some values that a partition by the hash of the tenant takes; none where it is no such partition. */
export async function thoseOfHash(
  session: Session,
  table: number,
  { name, type }: Pick<ColumnFacts, 'name' | 'type'>,
  values: readonly string[],
): Promise<string[]> {
  const [check] = await session.query<{ text: string | null }>(OWN_CHECK, [table]);
  if (!check?.text?.includes('satisfies_hash_partition')) return [];
  // It may look at columns besides: then nothing is known of it.
  const rows = await session
    .query<{ value: string }>(
      `select value from unnest($1::text[]) value, lateral (select value::${type} as ${quoteIdentifier(name)}) row where ${check.text}`,
      [values],
    )
    .catch((error: unknown) => {
      if (serverError(error) === undefined) throw error;
      return [];
    });
  return rows.map(({ value }) => value);
}
