import { quoteQualified } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { readTriggerTexts } from '../catalog/trigger-texts.ts';
import type { Named } from '../facts.ts';
import { triggerThatReachesOut } from '../reaching-out.ts';

/** A column as whoever makes a row has to know it. */
export interface RowColumn {
  readonly number: number;
  readonly name: string;
  /** As a cast writes it. */
  readonly type: string;
  /** `pg_type.typcategory`; of a domain, that of what it is made from. */
  readonly category: string;
  readonly required: boolean;
  /** A default, an identity or a serial: it fills itself. */
  readonly fills: boolean;
  readonly identity: boolean;
  readonly generated: boolean;
  /** Labels of an enumeration. */
  readonly labels: readonly string[];
  /** Of a composite type: how many it has. */
  readonly fields?: number | undefined;
}

/** Something that a row has to satisfy. */
export interface RowConstraint {
  readonly name: string;
  readonly kind: 'check' | 'unique';
  readonly columns: readonly number[];
  /** Of a check: its expression. */
  readonly text: string | undefined;
}

/** What it takes to make a row of a table, and what roles may write of it. */
export interface RowTable {
  readonly columns: readonly RowColumn[];
  readonly constraints: readonly RowConstraint[];
  /** Values of a row that is there already, as texts: they satisfy what no catalog tells. */
  readonly example: Readonly<Record<string, string | null>>;
  /** Words in the bodies of its triggers: what they demand may be among them. */
  readonly triggerTexts: readonly string[];
  /** A trigger of it leaves the transaction, and what it calls to do so. */
  readonly reachesOut: string | undefined;
  /** Names of the columns that each role may update, fill when it inserts, or read. */
  readonly updatable: ReadonlyMap<string, ReadonlySet<string>>;
  readonly insertable: ReadonlyMap<string, ReadonlySet<string>>;
  readonly selectable: ReadonlyMap<string, ReadonlySet<string>>;
  /** Roles that may read the table itself, with the places of its rows. */
  readonly readers: ReadonlySet<string>;
  /** Pages of it and of its partitions: known of tables that were never analysed, too. */
  readonly pages: number;
}

const COLUMNS = `
  select a.attnum as number, a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    b.typcategory as category, a.attnotnull or t.typnotnull as required,
    a.atthasdef or a.attidentity <> '' or t.typdefault is not null as fills,
    a.attidentity <> '' as identity, a.attgenerated <> '' as generated,
    array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = b.oid order by e.enumsortorder) as labels,
    (
      select count(*)::int from pg_catalog.pg_attribute f
      where f.attrelid = nullif(b.typrelid, 0) and f.attnum > 0 and not f.attisdropped
    ) as fields
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
  order by a.attnum
`;

// The checks of a domain are those of every column of its type; what a partition takes is a check without a name.
const CONSTRAINTS = `
  select conname as name, case contype when 'c' then 'check' else 'unique' end as kind, conkey::int[] as columns,
    pg_catalog.pg_get_expr(conbin, conrelid) as text
  from pg_catalog.pg_constraint
  where conrelid = $1 and contype in ('c', 'u', 'p', 'x')
  union all
  select c.conname, 'check', array[a.attnum::int], pg_catalog.pg_get_expr(c.conbin, 0)
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_constraint c on c.contypid = a.atttypid
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
  union all
  select i.relname, 'unique', x.indkey::int2[]::int[], null
  from pg_catalog.pg_index x
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  where x.indrelid = $1 and x.indisunique
  union all
  select '', 'check',
    array(
      select a.attnum::int
      from pg_catalog.pg_attribute a
      where a.attrelid = $1 and a.attname in (
        select k.attname
        from pg_catalog.pg_partition_ancestors(leaf.relid) p
        join pg_catalog.pg_partitioned_table t on t.partrelid = p.relid
        join pg_catalog.pg_attribute k on k.attrelid = p.relid and k.attnum = any (t.partattrs::int2[])
      )
    ),
    pg_catalog.pg_get_partition_constraintdef(leaf.relid)
  from (
    select relid from pg_catalog.pg_partition_tree($1::oid::regclass) where isleaf order by level, relid limit 1
  ) leaf
`;

const GRANTED = `
  select r.name as role,
    array(
      select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
        and pg_catalog.has_column_privilege(r.name, $1::oid, a.attnum, 'UPDATE')
    ) as updatable,
    array(
      select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
        and pg_catalog.has_column_privilege(r.name, $1::oid, a.attnum, 'INSERT')
    ) as insertable,
    array(
      select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
        and pg_catalog.has_column_privilege(r.name, $1::oid, a.attnum, 'SELECT')
    ) as selectable,
    pg_catalog.has_table_privilege(r.name, $1::oid, 'SELECT') as reads
  from unnest($2::name[]) as r (name)
`;

const PAGES = `
  with recursive parts (relid) as (
    select $1::oid
    union
    select i.inhrelid from pg_catalog.pg_inherits i join parts p on p.relid = i.inhparent
  )
  select (sum(pg_catalog.pg_relation_size(relid)) / pg_catalog.current_setting('block_size')::int8)::float8 as pages
  from parts
`;

/** Words of a table's triggers that are tried. */
const MOST_WORDS = 24;

interface Granted {
  readonly role: string;
  readonly updatable: readonly string[];
  readonly insertable: readonly string[];
  readonly selectable: readonly string[];
  readonly reads: boolean;
}

/** Reads what it takes to make a row; within a transaction, whose role may look at a row of the table if there is one. */
export async function readRowTable(session: Session, table: Named, roles: readonly string[]): Promise<RowTable> {
  const columns = await session.query<RowColumn>(COLUMNS, [table.oid]);
  const rows = await session.query<Omit<RowConstraint, 'text'> & { text: string | null }>(CONSTRAINTS, [table.oid]);
  const granted = await session.query<Granted>(GRANTED, [table.oid, roles]);
  const triggers = await readTriggerTexts(session, table.oid);
  const [size] = await session.query<{ pages: number | null }>(PAGES, [table.oid]);
  return {
    columns,
    constraints: rows.map((row) => ({ ...row, text: row.text ?? undefined })),
    example: {},
    reachesOut: triggerThatReachesOut(triggers)?.call,
    triggerTexts: [...new Set(triggers.flatMap(({ text, isOwn }) => (isOwn ? wordsIn(text) : [])))].slice(
      0,
      MOST_WORDS,
    ),
    updatable: new Map(granted.map(({ role, updatable }) => [role, new Set(updatable)])),
    insertable: new Map(granted.map(({ role, insertable }) => [role, new Set(insertable)])),
    selectable: new Map(granted.map(({ role, selectable }) => [role, new Set(selectable)])),
    pages: size?.pages ?? 0,
    readers: new Set(granted.filter(({ reads }) => reads).map(({ role }) => role)),
  };
}

/** Texts between quotes, but for whole sentences. */
function wordsIn(source: string): string[] {
  const texts = [...source.matchAll(/'((?:[^']|'')*)'/g)].map(([, text]) => text!.replaceAll("''", "'"));
  return texts.filter((text) => text !== '' && text.length <= 64 && text.split(' ').length < 4);
}

/** One row of the table, as texts, if there is any: values that no catalog could tell, such as a partition's. */
export async function readExample(session: Session, table: Named): Promise<RowTable['example']> {
  const [row] = await session.query<{ row: Record<string, unknown> }>(
    `select pg_catalog.to_jsonb(x) as row from ${quoteQualified(table.schema, table.name)} x limit 1`,
  );
  const texts = Object.entries(row?.row ?? {}).map(([name, value]) => [name, asText(value)] as const);
  return Object.fromEntries(texts.filter(([, value]) => value !== undefined)) as RowTable['example'];
}

/** JSON and arrays are left to the type's own candidates. */
function asText(value: unknown): string | null | undefined {
  if (value === null) return null;
  return typeof value === 'object' ? undefined : String(value);
}
