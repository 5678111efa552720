import type { Session } from '../../postgres/session.ts';
import { compareNames, readAlike } from './rows.ts';

export interface IndexRow {
  readonly oid: number;
  readonly table: number;
  readonly name: string;
  readonly namespace: number;
  readonly method: string;
  readonly columns: number[];
  readonly usable: boolean;
  readonly unique: boolean;
  /** Operator classes of the key columns, in their order. */
  readonly classes: number[];
  /** Functions of its expressions, by OID. */
  readonly functions: number[] | null;
  /** It leaves out rows for more than a NULL in its first column. */
  readonly partial: boolean;
}

/** What narrows the indexes down to those that tenants have to do with: a large database has tens of thousands. */
export interface IndexFilter {
  readonly schemas: readonly number[];
  /** Names of columns that say whose a row is. */
  readonly columns: readonly string[];
  /** Tables all of whose indexes count: that of the tenants. */
  readonly tables: readonly number[];
  /** Operator classes that may leak. */
  readonly leakyClasses: Iterable<number>;
}

/** Indexes that begin with a tenant's column, and those that policies may make useless. */
export async function readIndexes(session: Session, filter: IndexFilter): Promise<IndexRow[]> {
  const rows = await readAlike<IndexRow, 'oid' | 'table' | 'name'>(
    session,
    `
      select i.indexrelid::int8 as oid, i.indrelid::int8 as "table", c.relname as name,
        c.relnamespace::int8 as namespace,
        m.amname as method, (i.indkey::int2[])[0:i.indnkeyatts - 1]::int4[] as columns,
        i.indisvalid and i.indisready and i.indislive as usable, i.indisunique as unique,
        (i.indclass::oid[])[0:i.indnkeyatts - 1]::int8[] as classes,
        i.indpred is not null and i.indpred::text !~ pg_catalog.format(
          '^[(]?[{]NULLTEST :arg [{]VAR :varno 1 :varattno %s [^{}]*[}] :nulltesttype 1 [^{}]*[}][)]?$', i.indkey[0]
        ) as partial,
        case when i.indexprs is not null then array(
          select distinct f[1]::int8
          from pg_catalog.regexp_matches(i.indexprs::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g') f
          order by 1
        ) end as functions
      from pg_catalog.pg_index i
      join pg_catalog.pg_class c on c.oid = i.indexrelid
      join pg_catalog.pg_am m on m.oid = c.relam
      left join pg_catalog.pg_attribute first on first.attrelid = i.indrelid and first.attnum = i.indkey[0]
      where c.relnamespace = any ($1::oid[])
        and (
          first.attname = any ($2::name[]) or i.indrelid = any ($3::oid[])
          or i.indexprs is not null or i.indclass::oid[] && $4::oid[]
        )
    `,
    {
      own: ['oid', 'table', 'name'],
      alike: ['namespace', 'method', 'columns', 'usable', 'unique', 'classes', 'partial', 'functions'],
      toRow: (group, at) => ({ ...group, oid: group.oid[at]!, table: group.table[at]!, name: group.name[at]! }),
    },
    [filter.schemas, filter.columns, filter.tables, [...filter.leakyClasses]],
  );
  return rows.sort((a, b) => a.table - b.table || compareNames(a.name, b.name));
}

/** What may not be searched by below a policy, since it might tell of rows that are hidden (PostgreSQL docs 41.5). */
export interface Leaks {
  /** Operator classes that no LEAKPROOF search can use, with one of their operators. */
  readonly classes: ReadonlyMap<number, string>;
  /** Functions that are not LEAKPROOF: `lower(text)`. */
  readonly functions: ReadonlyMap<number, string>;
}

/**
 * Why no search below a policy can use the index; empty when one can. Its first column decides, except for the methods
 * that can search by any.
 */
export function leaksOfIndex({ method, columns, classes, functions }: IndexRow, leaks: Leaks): string[] {
  const places = method === 'gin' || method === 'brin' ? columns.map((_, at) => at) : [0];
  const reasons = places.map((at) => [
    ...[leaks.classes.get(classes[at]!) ?? []].flat(),
    ...(columns[at] === 0 ? (functions ?? []).flatMap((oid) => leaks.functions.get(oid) ?? []) : []),
  ]);
  return reasons.some((reason) => reason.length === 0) ? [] : [...new Set(reasons.flat())];
}

/** Some column of the index can only be searched in ways that may leak. */
export function hasLeak({ classes, functions }: IndexRow, leaks: Leaks): boolean {
  return classes.some((oid) => leaks.classes.has(oid)) || (functions ?? []).some((oid) => leaks.functions.has(oid));
}

/** Operator classes that no LEAKPROOF search can use, with one of their operators. */
export function readLeakyClasses(session: Session): Promise<Leaks['classes']> {
  return readNames(session, CLASSES, []);
}

/** Those functions in the expressions of indexes that are not LEAKPROOF. */
export function readLeakyFunctions(session: Session, indexes: readonly IndexRow[]): Promise<Leaks['functions']> {
  const functions = new Set(indexes.flatMap((index) => index.functions ?? []));
  return readNames(session, FUNCTIONS, [[...functions]]);
}

async function readNames(
  session: Session,
  sql: string,
  parameters: readonly unknown[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await session.query<{ oid: number; name: string }>(sql, parameters);
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

// Strategy 3 of btree and 1 of hash is equality (PostgreSQL docs 38.16.2), what an application searches by.
const CLASSES = `
  select o.oid, min(r.oprname || ' (' || p.proname || ')') as name
  from pg_catalog.pg_opclass o
  join pg_catalog.pg_am m on m.oid = o.opcmethod
  join pg_catalog.pg_amop a on a.amopfamily = o.opcfamily and a.amoppurpose = 's'
    and (m.amname not in ('btree', 'hash') or a.amoplefttype = o.opcintype and a.amoprighttype = o.opcintype)
    and a.amopstrategy = case m.amname when 'btree' then 3 when 'hash' then 1 else a.amopstrategy end
  join pg_catalog.pg_operator r on r.oid = a.amopopr
  join pg_catalog.pg_proc p on p.oid = r.oprcode
  group by o.oid
  having not bool_or(p.proleakproof)
`;

const FUNCTIONS = `
  select oid, oid::regprocedure::text as name
  from pg_catalog.pg_proc
  where oid = any ($1::oid[]) and not proleakproof
`;

/** What follows USING in the definitions of some indexes; waits for whoever has locked one of their tables. */
export async function readIndexDefinitions(
  session: Session,
  indexes: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await session.query<{ oid: number; definition: string }>(
    'select oid, pg_catalog.pg_get_indexdef(oid) as definition from pg_catalog.unnest($1::oid[]) oid',
    [indexes],
  );
  return new Map(rows.map(({ oid, definition }) => [oid, definition.slice(definition.indexOf(' USING ') + 7)]));
}
