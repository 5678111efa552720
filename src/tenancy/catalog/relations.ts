import type { Session } from '../../postgres/session.ts';
import { compareNames, readAlike, readRows } from './rows.ts';

export interface RelationRow {
  readonly oid: number;
  readonly namespace: number;
  readonly name: string;
  readonly kind: 'r' | 'p' | 'f' | 'v' | 'm';
  readonly owner: number;
  readonly acl: string | null;
  readonly rls_enabled: boolean;
  readonly rls_forced: boolean;
  readonly is_partition: boolean;
  readonly estimated_rows: number;
  readonly options: string[] | null;
}

/** SQL of the fields of a `RelationRow`, of `c` in pg_class. */
export const RELATION = `
  c.oid::int8 as oid, c.relnamespace::int8 as namespace, c.relname as name, c.relkind as kind,
  c.relowner::int8 as owner, c.relacl::text as acl, c.relrowsecurity as rls_enabled, c.relforcerowsecurity as rls_forced,
  c.relispartition as is_partition, c.reltuples::float8 as estimated_rows, c.reloptions as options
`;

/** SQL, true of `c` in pg_class that is a table or view, no temporary one, and of no extension. */
export const IS_RELATION = `
  c.relkind in ('r', 'p', 'f', 'v', 'm')
  and c.relpersistence <> 't'
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
`;

/** Tables and views of the given schemas that are no temporary ones and belong to no extension. */
export async function readRelations(session: Session, schemas: readonly number[]): Promise<RelationRow[]> {
  const rows = await readAlike<RelationRow, 'oid' | 'name' | 'estimated_rows'>(
    session,
    `select ${RELATION} from pg_catalog.pg_class c where c.relnamespace = any ($1::oid[]) and ${IS_RELATION}`,
    {
      own: ['oid', 'name', 'estimated_rows'],
      alike: ['namespace', 'kind', 'owner', 'acl', 'rls_enabled', 'rls_forced', 'is_partition', 'options'],
      toRow: (group, at) => ({
        ...group,
        oid: group.oid[at]!,
        name: group.name[at]!,
        estimated_rows: group.estimated_rows[at]!,
      }),
    },
    [schemas],
  );
  return rows.sort((a, b) => a.oid - b.oid);
}

export interface ColumnRow {
  readonly relation: number;
  readonly number: number;
  readonly name: string;
  readonly type: string;
  /** `pg_type.typcategory`, X for a domain: S string, N number, B boolean, E enumeration, … */
  readonly category: string;
  readonly not_null: boolean;
  readonly acl: string | null;
}

/** SQL of the fields of a `ColumnRow`, of `a` in pg_attribute and `t` in pg_type. */
export const COLUMN = `
  a.attrelid::int8 as relation, a.attnum as number, a.attname as name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  case t.typtype when 'd' then 'X' else t.typcategory end as category,
  a.attnotnull as not_null, a.attacl::text as acl
`;

/** SQL, true of `a` in pg_attribute that a check of its own keeps from being null: `check (tenant_id is not null)`. */
const IS_CHECKED = `exists (
  select from pg_catalog.pg_constraint k
  where k.conrelid = a.attrelid and k.contype = 'c' and k.convalidated and k.conkey = array[a.attnum]
    and k.conbin::pg_catalog.text ~ '^[{]NULLTEST :arg [{]VAR [^{}]*[}] :nulltesttype 1 [^{}]*[}]$'
)`;

/** A column that many relations have alike. */
export interface SharedColumnRow extends Omit<ColumnRow, 'relation' | 'acl'> {
  readonly relations: number[];
}

/** Columns that have one of the given names, of any relation of the schemas: those that are alike together. */
export function readColumnsNamed(
  session: Session,
  schemas: readonly number[],
  names: readonly string[],
): Promise<SharedColumnRow[]> {
  return readRows<SharedColumnRow>(
    session,
    `
      select a.attnum as number, a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
        case t.typtype when 'd' then 'X' else t.typcategory end as category, a.not_null or t.typnotnull as not_null, a.relations
      from (
        select a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull or ${IS_CHECKED} as not_null,
          array_agg(a.attrelid::int8) as relations
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid
        where a.attname = any ($2::name[]) and a.attnum > 0 and not a.attisdropped
          and c.relkind in ('r', 'p', 'f') and c.relnamespace = any ($1::oid[])
        group by a.attnum, a.attname, a.atttypid, a.atttypmod, not_null
      ) a
      join pg_catalog.pg_type t on t.oid = a.atttypid
    `,
    [schemas, names],
  );
}

export interface LabelledColumnRow extends ColumnRow {
  /** Labels of an enumeration. */
  readonly labels: string[];
}

/** SQL of the labels of an enumeration, of the same. */
export const LABELS = `case when t.typtype = 'e' then array(
  select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = a.atttypid order by e.enumsortorder
) else '{}' end`;

/** Some columns, with the labels of enumerations. */
export function readSomeColumns(
  session: Session,
  columns: readonly Pick<ColumnRow, 'relation' | 'number'>[],
): Promise<LabelledColumnRow[]> {
  return readRows<LabelledColumnRow>(
    session,
    `
      select ${COLUMN},
        ${LABELS} as labels
      from unnest($1::oid[], $2::int2[]) read (relation, number)
      join pg_catalog.pg_attribute a on a.attrelid = read.relation and a.attnum = read.number and a.attnum > 0
      join pg_catalog.pg_type t on t.oid = a.atttypid
      order by a.attrelid, a.attnum
    `,
    [columns.map(({ relation }) => relation), columns.map(({ number }) => number)],
  );
}

/** Columns that are granted by themselves: the table's own list does not say so. */
export function readColumnGrants(
  session: Session,
  schemas: readonly number[],
): Promise<{ relation: number; acl: string }[]> {
  return session.query(
    `
      select distinct a.attrelid as relation, a.attacl::text as acl
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_class c on c.oid = a.attrelid
      where a.attacl is not null and a.attnum > 0 and not a.attisdropped and c.relnamespace = any ($1::oid[])
    `,
    [schemas],
  );
}

/** Columns that foreign keys of tenant columns refer to: the table of the tenants is among theirs. */
export function readReferredColumns(session: Session, names: readonly string[]): Promise<ColumnRow[]> {
  return readRows<ColumnRow>(session, referredColumnsSql('$1::name[]'), [names]);
}

export function referredColumnsSql(names: string): string {
  return `
      select ${COLUMN}
      from (
        select k.confrelid, k.confkey[1] as number
        from pg_catalog.pg_constraint k
        join pg_catalog.pg_attribute own on own.attrelid = k.conrelid and own.attnum = k.conkey[1]
        where k.contype = 'f' and k.conparentid = 0 and cardinality(k.conkey) = 1 and own.attname = any (${names})
        group by 1, 2
        order by count(*) desc, 1
      ) referred
      join pg_catalog.pg_attribute a on a.attrelid = referred.confrelid and a.attnum = referred.number
      join pg_catalog.pg_type t on t.oid = a.atttypid
    `;
}

export interface InheritanceRow {
  readonly child: number;
  readonly parent: number;
}

export function readInheritance(session: Session): Promise<InheritanceRow[]> {
  return session.query(`
    select i.inhrelid as child, i.inhparent as parent
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relkind in ('r', 'p', 'f')
    order by i.inhrelid, i.inhseqno
  `);
}

export interface ForeignKeyRow {
  readonly name: string;
  readonly table: number;
  readonly columns: number[];
  readonly column_names: string[];
  readonly target: number;
  readonly target_columns: number[];
  readonly target_column_names: string[];
  readonly on_update: 'a' | 'r' | 'c' | 'n' | 'd';
  readonly on_delete: 'a' | 'r' | 'c' | 'n' | 'd';
  readonly deferrable: boolean;
}

const names = (relation: string, numbers: string) => `array(
  select a.attname::text
  from pg_catalog.unnest(${numbers}) with ordinality key (number, place)
  join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = key.number
  order by key.place
)`;

/** SQL of foreign keys as they were declared, to which further conditions of `k` in pg_constraint may be added. */
// Nearly all have one column: a join finds the names of all of them faster than a subquery those of each.
export const FOREIGN_KEY = `
  select k.conname as name, k.conrelid::int8 as "table", k.conkey as columns,
    case when cardinality(k.conkey) = 1 then array[own.attname::text]
      else ${names('k.conrelid', 'k.conkey')} end as column_names,
    k.confrelid::int8 as target, k.confkey as target_columns,
    case when cardinality(k.confkey) = 1 then array[theirs.attname::text]
      else ${names('k.confrelid', 'k.confkey')} end as target_column_names,
    k.confupdtype as on_update, k.confdeltype as on_delete, k.condeferrable as deferrable
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute own on own.attrelid = k.conrelid and own.attnum = k.conkey[1]
  join pg_catalog.pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attnum = k.confkey[1]
  where k.contype = 'f' and k.conparentid = 0
`;

/** Foreign keys as they were declared: those of partitions follow from their parent's. */
export async function readForeignKeys(session: Session): Promise<ForeignKeyRow[]> {
  const rows = await readAlike<ForeignKeyRow, 'name' | 'table'>(session, FOREIGN_KEY, {
    own: ['table', 'name'],
    alike: [
      'columns',
      'column_names',
      'target',
      'target_columns',
      'target_column_names',
      'on_update',
      'on_delete',
      'deferrable',
    ],
    toRow: (group, at) => ({ ...group, table: group.table[at]!, name: group.name[at]! }),
  });
  return rows.sort((a, b) => a.table - b.table || compareNames(a.name, b.name));
}

/** Tables with triggers of their own that look at rows when they are inserted and when they are updated. */
export async function readCheckingTables(session: Session): Promise<ReadonlySet<number>> {
  // tgtype: 4 is INSERT, 16 UPDATE (PostgreSQL source, pg_trigger.h).
  const rows = await session.query<{ table: number }>(`
    select tgrelid as "table"
    from pg_catalog.pg_trigger
    where not tgisinternal and tgenabled in ('O', 'A')
    group by tgrelid
    having bit_or(tgtype::int4) & 20 = 20
  `);
  return new Set(rows.map((row) => row.table));
}

export interface ReadRow {
  readonly view: number;
  readonly relation: number;
}

export interface RuleRow {
  readonly oid: number;
  readonly relation: number;
  readonly name: string;
  readonly command: 'UPDATE' | 'INSERT' | 'DELETE';
  /** Other relations that its actions read or write. */
  readonly relations: number[];
}

/** Rules that do something when rows are written, but for those that are disabled, from the dependencies of their actions. */
export function readRules(session: Session): Promise<RuleRow[]> {
  return session.query(`
    select r.oid, r.ev_class as relation, r.rulename as name,
      case r.ev_type when '2' then 'UPDATE' when '3' then 'INSERT' else 'DELETE' end as command,
      pg_catalog.array_agg(distinct d.refobjid) as relations
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
    where r.ev_type in ('2', '3', '4') and r.ev_enabled in ('O', 'A') and r.oid >= 16384
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class
    group by r.oid, 2, 3, 4
    order by 2, 3
  `);
}

/** Which relations a view reads, from the dependencies of its rule. */
export function readViewDependencies(session: Session): Promise<ReadRow[]> {
  return session.query(`
    select distinct r.ev_class as view, d.refobjid as relation
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
    where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class and r.oid >= 16384
    order by 1, 2
  `);
}
