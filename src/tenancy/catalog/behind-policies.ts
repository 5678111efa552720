import { quoteLiteral } from '../../postgres/quote.ts';
import type { Preparable, Session } from '../../postgres/session.ts';
import { namesOf } from '../names.ts';
import { reachedSql } from './reached.ts';
import {
  COLUMN,
  type ColumnRow,
  FOREIGN_KEY,
  type ForeignKeyRow,
  IS_RELATION,
  RELATION,
  type RelationRow,
} from './relations.ts';
import type { Snapshot } from './snapshot.ts';
import { LIMITS } from './some-tables.ts';

/** What stands behind some policies, and what the rows of their tables refer to. */
interface Behind {
  /** Relations that they look at, themselves or through views, functions and the policies of what they look at. */
  readonly reached: readonly { readonly oid: number }[];
  readonly relations: readonly RelationRow[];
  /** Columns of those that are called like a tenant's. */
  readonly columns: readonly ColumnRow[];
  readonly keys: readonly ForeignKeyRow[];
}

const all = (sql: string) => `(select coalesce(pg_catalog.json_agg(q), '[]') from (${sql}) q)`;

/** Keys that lead further than this are followed by nobody (lineage.ts). */
const MOST_STEPS = 4;

const BEHIND: Preparable = {
  sql: `
    with recursive ${reachedSql('d.objid = any ($2)')},
    keyed as (
      select pg_catalog.unnest($1) as oid, 0 as steps
      union
      select k.confrelid, keyed.steps + 1
      from keyed
      join pg_catalog.pg_constraint k on k.conrelid = keyed.oid and k.contype = 'f'
      where keyed.steps < ${MOST_STEPS}
    ),
    looked as materialized (
      select oid from reached where class = 'pg_catalog.pg_class'::pg_catalog.regclass
    ),
    around as materialized (
      select oid from looked union select oid from keyed
    )
    select pg_catalog.json_build_object(
      'reached', ${all('select oid::int8 as oid from looked')},
      'relations', ${all(`select ${RELATION} from around o join pg_catalog.pg_class c on c.oid = o.oid where ${IS_RELATION}`)},
      'columns', ${all(`
        select ${COLUMN}
        from around o
        join pg_catalog.pg_attribute a on a.attrelid = o.oid and a.attname = any ($3) and not a.attisdropped
        join pg_catalog.pg_type t on t.oid = a.atttypid
        join pg_catalog.pg_class c on c.oid = o.oid and c.relkind in ('r', 'p', 'f')
      `)},
      'keys', ${all(`${FOREIGN_KEY} and k.conrelid in (select oid from around) and k.confrelid in (select oid from around)`)}
    )
  `,
  types: ['oid[]', 'oid[]', 'name[]'],
};

/**
 * A snapshot of some tables, and with it what their policies look at besides their rows: enough to tell who is a member
 * of which tenant, and whose the rows are that theirs refer to.
 * @param names of tenants' columns
 * @param policies those that may look further than their row
 */
export async function withWhatIsBehind(
  session: Session,
  snapshot: Snapshot,
  names: readonly string[],
  policies: readonly number[],
): Promise<Snapshot> {
  const tables = snapshot.relations.map(({ oid }) => oid);
  const given = [`{${tables}}`, `{${policies}}`, namesOf(names)].map(quoteLiteral);
  const { values, error } = await session.readOnly([
    ...LIMITS.map((limit) => `set local ${limit}`),
    ...session.executing(BEHIND, given),
  ]);
  if (error !== undefined) throw error;
  const { reached, relations, columns, keys } = JSON.parse(values.at(-1)!) as Behind;
  const known = new Set(tables);
  const schemas = new Set(snapshot.schemas.map(({ oid }) => oid));
  const fresh = relations.filter(({ oid, namespace }) => !known.has(oid) && schemas.has(namespace));
  return {
    ...snapshot,
    // Who was granted them is nothing that is asked here.
    relations: [...snapshot.relations, ...fresh.map((row) => ({ ...row, acl: null }))],
    tenantColumns: [
      ...snapshot.tenantColumns,
      ...columns.filter(({ relation }) => !known.has(relation)).map((row) => ({ ...row, relations: [row.relation] })),
    ],
    foreignKeys: keys,
    lookups: { relations: new Set(reached.map(({ oid }) => oid)), policies: new Set(policies) },
  };
}
