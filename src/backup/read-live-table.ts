import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { LiveColumn, LiveForeignKey, LiveTable } from './merge-plan.ts';
import type { TableName } from './table-contents.ts';

/** What the catalog says about a table that rows shall be merged into; `undefined` when there is none. */
export async function readLiveTable(session: Session, table: TableName): Promise<LiveTable | undefined> {
  const [found] = await session.query<Pick<LiveTable, 'isFiltered' | 'mayWrite'> & { readonly oid: string }>(
    `select c.oid::text as oid, pg_catalog.row_security_active(c.oid) or (c.relforcerowsecurity and c.relrowsecurity and not (
         select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = current_user)) as "isFiltered",
       pg_catalog.has_table_privilege(c.oid, 'SELECT') and pg_catalog.has_table_privilege(c.oid, 'INSERT')
         and pg_catalog.has_table_privilege(c.oid, 'UPDATE') as "mayWrite"
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`,
    [table.schema, table.name],
  );
  if (found === undefined) return undefined;
  const { oid, ...rest } = found;
  const uniques = await session.query<{ name: string; columns: string[]; isKey: boolean }>(UNIQUES, [oid]);
  const key = uniques.find(({ isKey }) => isKey);
  const triggers = await session.query<{ name: string }>(
    `select tgname::text as name from pg_catalog.pg_trigger
     where tgrelid = $1::oid and not tgisinternal and tgenabled in ('O', 'A') order by tgname collate "C"`,
    [oid],
  );
  return {
    ...table,
    ...rest,
    columns: await session.query<LiveColumn>(COLUMNS, [oid]),
    key: key?.columns ?? [],
    foreignKeys: await session.query<LiveForeignKey>(FOREIGN_KEYS, [oid]),
    uniques: uniques.filter((unique) => unique !== key),
    triggers: triggers.map(({ name }) => name),
  };
}

/** Sequences that columns of the table take their numbers from. */
export async function readOwnedSequences(session: Session, table: TableName): Promise<OwnedSequence[]> {
  return session.query<OwnedSequence>(
    `select a.attname::text as column, n.nspname::text as schema, c.relname::text as name
     from pg_catalog.pg_depend d
     join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
       and d.deptype in ('a', 'i') and d.refobjid = $1::regclass
     order by a.attnum`,
    [quoteQualified(table.schema, table.name)],
  );
}

/** A sequence and the column that owns it. */
export interface OwnedSequence extends TableName {
  readonly column: string;
}

const COLUMNS = `
  select a.attname::text as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    a.attgenerated <> '' as "isGenerated", a.attidentity = 'a' as "isIdentityAlways",
    a.attnotnull and not a.atthasdef and a.attidentity = '' as "isRequired"
  from pg_catalog.pg_attribute a
  where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`;

/** The primary key first, then what else could be one: no condition, no expression, no NULL, checked at once. */
const UNIQUES = `
  select c.relname::text as name, array_agg(a.attname::text order by k.place) as columns,
    bool_and(a.attnotnull) and i.indimmediate as "isKey"
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  cross join lateral unnest(i.indkey::int2[]) with ordinality k(attnum, place)
  left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  where i.indrelid = $1::oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
    and k.place <= i.indnkeyatts
  group by c.relname, i.indisprimary, i.indimmediate, i.indexrelid
  order by i.indisprimary desc, bool_and(a.attnotnull) desc, count(*), c.relname collate "C"`;

const FOREIGN_KEYS = `
  select k.conname::text as name, k.confrelid = k.conrelid as "isOwnTable",
    json_build_object('schema', n.nspname, 'name', r.relname) as "refersTo",
    (select array_agg(a.attname::text order by u.place) from unnest(k.conkey) with ordinality u(attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum) as columns,
    (select array_agg(a.attname::text order by u.place) from unnest(k.confkey) with ordinality u(attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum) as referred
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class r on r.oid = k.confrelid join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  where k.conrelid = $1::oid and k.contype = 'f' order by k.conname collate "C"`;
