import { SUPABASE_SCHEMAS } from '../postgres/managed-schemas.ts';
import type { Session } from '../postgres/session.ts';
import type { CatalogFacts, ColumnFact, ForeignKeyFact, TableFact } from './facts.ts';

/** What decides which part of the catalog is looked at. */
export interface Scope {
  readonly ignoreSchemas: readonly string[];
  /** Columns that the configuration speaks of, whatever they are called. */
  readonly columns: readonly string[];
}

/** Reads tables, the columns that a key or a name makes interesting, and foreign keys; takes no lock and needs no right. */
export async function readCatalog(session: Session, scope: Scope): Promise<CatalogFacts> {
  const [who] = await session.query<{ role: string }>('select current_user::text as role');
  return {
    role: who!.role,
    tables: await readTables(session, scope),
    foreignKeys: await session.query<ForeignKeyFact>(FOREIGN_KEYS),
  };
}

interface ColumnRow {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly title: string;
  readonly partitioned: boolean;
  readonly partition: boolean;
  readonly ancestors: number[];
  readonly ignored: boolean;
  readonly rows: number;
  readonly key: string[];
  readonly usage: boolean;
  readonly column: ColumnFact | null;
}

async function readTables(
  session: Session,
  { ignoreSchemas, columns }: Scope,
): Promise<ReadonlyMap<number, TableFact>> {
  const rows = await session.query<ColumnRow>(TABLES, [ignoreSchemas, SUPABASE_SCHEMAS, columns]);
  const tables = new Map<number, TableFact & { readonly columns: Map<string, ColumnFact> }>();
  for (const { table: name, key, column, ...row } of rows) {
    const table = tables.get(row.oid) ?? { ...row, name, primaryKey: key, columns: new Map<string, ColumnFact>() };
    tables.set(row.oid, table);
    if (column !== null) table.columns.set(column.name, column);
  }
  return tables;
}

/** $1 schemas of the configuration, $2 those of Supabase, $3 columns of the configuration. */
const TABLES = `
  with keyed as (
    select conrelid as relid, pg_catalog.unnest(conkey) as attnum
    from pg_catalog.pg_constraint
    where contype in ('p', 'f')
    union
    select confrelid, pg_catalog.unnest(confkey) from pg_catalog.pg_constraint where contype = 'f'
  ),
  managed as (
    select n.oid
    from pg_catalog.pg_namespace n
    where n.nspname = any ($1::text[])
      or n.nspname = any ($2::text[]) and exists (
        select from pg_catalog.pg_roles where rolname = 'supabase_admin'
      )
  )
  select
    c.oid,
    n.nspname as schema,
    c.relname as table,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as title,
    c.relkind = 'p' as partitioned,
    c.relispartition as partition,
    case when c.relispartition then (
      select pg_catalog.json_agg(a.relid::pg_catalog.oid::int8)
      from pg_catalog.pg_partition_ancestors(c.oid) a
      where a.relid <> c.oid
    ) else '[]' end as ancestors,
    n.oid in (select oid from managed) or exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
    ) as ignored,
    case when c.reltuples > 0 then c.reltuples else pg_catalog.pg_stat_get_live_tuples(c.oid) end::float8 as rows,
    coalesce((
      select pg_catalog.json_agg(k.attname order by pg_catalog.array_position(p.conkey, k.attnum))
      from pg_catalog.pg_constraint p
      join pg_catalog.pg_attribute k on k.attrelid = c.oid and k.attnum = any (p.conkey)
      where p.conrelid = c.oid and p.contype = 'p'
    ), '[]') as key,
    pg_catalog.has_schema_privilege(n.oid, 'usage') as usage,
    case when a.attnum is not null then pg_catalog.json_build_object(
      'name', a.attname,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'base', pg_catalog.json_build_object('oid', b.oid::int8, 'schema', bn.nspname, 'category', b.typcategory),
      'collation', (
        select pg_catalog.format('%I.%I', cn.nspname, l.collname)
        from pg_catalog.pg_collation l
        join pg_catalog.pg_namespace cn on cn.oid = l.collnamespace
        where l.oid = a.attcollation
      ),
      'notNull', a.attnotnull or t.typnotnull,
      'generated', a.attgenerated <> '',
      'readable', pg_catalog.has_column_privilege(c.oid, a.attnum, 'select'),
      'updatable', pg_catalog.has_column_privilege(c.oid, a.attnum, 'update')
    ) end as column
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_attribute a on a.attrelid = c.oid
    and a.attnum > 0
    and not a.attisdropped
    and (
      a.attname ~* '(_id|_type)$'
      or a.attname ~ '(Id|ID|Type)$'
      or a.attname = any ($3::text[])
      or (c.oid, a.attnum) in (select relid, attnum from keyed)
    )
  left join pg_catalog.pg_type t on t.oid = a.atttypid
  left join lateral (
    with recursive below as (
      select t.oid, t.typtype, t.typbasetype
      union all
      select d.oid, d.typtype, d.typbasetype
      from below
      join pg_catalog.pg_type d on d.oid = below.typbasetype
      where below.typtype = 'd'
    )
    select base.* from below join pg_catalog.pg_type base on base.oid = below.oid where below.typtype <> 'd'
  ) b on true
  left join pg_catalog.pg_namespace bn on bn.oid = b.typnamespace
  where c.relkind in ('r', 'p')
    and c.relpersistence <> 't'
    and n.nspname <> 'information_schema'
    and n.nspname !~ '^pg_'
  order by n.nspname, c.relname, a.attnum`;

/** conenforced and conperiod came with PostgreSQL 18, confdelsetcols with 15: read as data, not as columns. */
const FOREIGN_KEYS = `
  select
    con.oid,
    con.conname as name,
    con.conrelid as table,
    con.confrelid as parent,
    (
      select pg_catalog.json_agg(a.attname order by k.position)
      from pg_catalog.unnest(con.conkey) with ordinality k (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = con.conrelid and a.attnum = k.attnum
    ) as columns,
    (
      select pg_catalog.json_agg(a.attname order by k.position)
      from pg_catalog.unnest(con.confkey) with ordinality k (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = con.confrelid and a.attnum = k.attnum
    ) as "parentColumns",
    (
      select pg_catalog.json_agg(pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname) order by k.position)
      from pg_catalog.unnest(con.conpfeqop) with ordinality k (operator, position)
      join pg_catalog.pg_operator o on o.oid = k.operator
      join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
    ) as operators,
    case con.confmatchtype when 'f' then 'full' else 'simple' end as match,
    case con.confdeltype
      when 'c' then 'cascade'
      when 'n' then 'set null'
      when 'd' then 'set default'
      when 'r' then 'restrict'
      else 'no action'
    end as "onDelete",
    coalesce((
      select pg_catalog.json_agg(a.attname)
      from pg_catalog.jsonb_array_elements_text(
        case pg_catalog.jsonb_typeof(j.con -> 'confdelsetcols') when 'array' then j.con -> 'confdelsetcols' else '[]' end
      ) as s (attnum)
      join pg_catalog.pg_attribute a on a.attrelid = con.conrelid and a.attnum = s.attnum::int2
    ), '[]') as "onDeleteColumns",
    con.convalidated as validated,
    coalesce((j.con ->> 'conenforced')::boolean, true) as enforced,
    coalesce((j.con ->> 'conperiod')::boolean, false) as temporal,
    exists (
      select from pg_catalog.pg_trigger t where t.tgconstraint = con.oid and t.tgenabled in ('D', 'R')
    ) as "triggersDisabled"
  from pg_catalog.pg_constraint con
  cross join lateral (select pg_catalog.to_jsonb(con) as con) j
  where con.contype = 'f' and con.conparentid = 0
  order by con.conrelid::pg_catalog.regclass::text, con.conname`;
