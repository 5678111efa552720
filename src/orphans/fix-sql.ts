import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { keyEquality } from './cascade.ts';
import type { ForeignKeyFact, TableFact } from './facts.ts';
import type { FixPlan, TableDetails } from './fix-plan.ts';
import type { Relation } from './relation.ts';
import { childTable, orphanCondition, parentTable } from './sql.ts';

/** Where rows of one table are saved. */
export interface Part {
  readonly table: Pick<TableDetails, 'oid' | 'schema' | 'name' | 'title' | 'partitioned'>;
  readonly columns: readonly string[];
  /** Columns that a row can be put back with: all but generated ones. */
  readonly writable: readonly string[];
  readonly primaryKey: readonly string[];
  readonly backup: { readonly schema: string; readonly name: string };
}

/** Why a row was saved: it is an orphan, or a cascade deletes or changes it. */
export type SavedAs = 'orphan' | 'cascade' | 'change';

/** Table of the rows that are to be repaired, of this session alone. */
const TODO = 'pg_temp.aisha_db_todo';

/** The statements that make the list of at most so many orphans: no more than the plan announced is touched. */
export function listTodoSql(relation: Relation, limit: number): readonly string[] {
  return [
    `drop table if exists ${TODO}`,
    `create temporary table aisha_db_todo as
      select child.tableoid as "table", child.ctid as "row" from ${childTable(relation)} child
      where ${orphanCondition(relation)} limit ${limit}`,
    `analyze ${TODO}`,
  ];
}

/** While it is held no parent can appear, nor one that is not yet committed be missed. */
export function lockParentSql({ parent, foreignKey }: Relation): string {
  return `lock table ${parentTable({ parent, foreignKey })} in share row exclusive mode`;
}

/**
 * Takes rows from the list, locks those that are still orphans and that nobody else has locked, and saves them. One row:
 * how many were taken and how many saved. $1 is the number of the batch, $2 its size.
 */
export function saveOrphansSql(relation: Relation, part: Part): string {
  const columns = savedColumns(part);
  return `
    with taken as (
      delete from ${TODO} where ctid = any (array(select ctid from ${TODO} limit $2::int8)) returning "table", "row"
    ),
    picked as (
      select ${columns.map((name) => `child.${name}`).join(', ')}, child.tableoid as "table", child.ctid as "row"
      from taken
      join ${childTable(relation)} child on child.ctid = taken."row" and child.tableoid = taken."table"
      where ${orphanCondition(relation)}
      for update of child skip locked
    ),
    saved as (
      insert into ${backupOf(part)} (${[...columns, META].join(', ')})
      select ${columns.join(', ')}, $1, "table", "row", 'orphan' from picked
      returning 1
    )
    select (select pg_catalog.count(*) from taken)::int4 as taken, (select pg_catalog.count(*) from saved)::int4 as saved`;
}

/** Saves the rows that refer, by a key, to rows that are saved to be deleted, and are not saved yet. $1: the batch. */
export function saveReachedSql(key: ForeignKeyFact, from: Part, to: Part, as: Exclude<SavedAs, 'orphan'>): string {
  const columns = savedColumns(to);
  return `
    with picked as (
      select ${columns.map((name) => `t.${name}`).join(', ')}, t.tableoid as "table", t.ctid as "row"
      from ${onlyTable(to.table)} t
      where exists (
        select from ${backupOf(from)} b
        where b.aisha_db_batch = $1 and b.aisha_db_action <> 'change' and ${keyEquality(key, 'b', 't')}
      )
      and not exists (
        select from ${backupOf(to)} s
        where s.aisha_db_batch = $1 and s.aisha_db_table = t.tableoid and s.aisha_db_row = t.ctid
      )
      for update of t
    )
    insert into ${backupOf(to)} (${[...columns, META].join(', ')})
    select ${columns.join(', ')}, $1, "table", "row", '${as}' from picked`;
}

/** Deletes or changes what was saved, if it still is an orphan. $1: the batch. */
export function repairSql({ relation, kind, columns }: FixPlan, part: Part): string {
  const saved = `saved.aisha_db_batch = $1 and saved.aisha_db_action = 'orphan'
    and child.ctid = saved.aisha_db_row and child.tableoid = saved.aisha_db_table and ${orphanCondition(relation)}`;
  if (kind === 'delete')
    return `delete from ${childTable(relation)} child using ${backupOf(part)} saved where ${saved}`;
  const set = columns.map((name) => `${quoteIdentifier(name)} = null`).join(', ');
  return `update ${childTable(relation)} child set ${set} from ${backupOf(part)} saved where ${saved}`;
}

/** How many rows of each table are saved in a batch, by what becomes of them. $1: the batch. */
export function savedCountsSql(parts: readonly Part[]): string {
  return parts
    .map(
      (part) => `select aisha_db_table as oid, aisha_db_action as action, pg_catalog.count(*)::int4 as rows
        from ${backupOf(part)} where aisha_db_batch = $1 group by 1, 2`,
    )
    .join(' union all ');
}

/** What this transaction did to tables, by the server's own count; the difference of two of them is what came between. */
export const WRITTEN_SQL = `
  select relid as oid, pg_catalog.format('%I.%I', schemaname, relname) as title,
    n_tup_ins::int4 as inserted, n_tup_upd::int4 as updated, n_tup_del::int4 as deleted
  from pg_catalog.pg_stat_xact_all_tables
  where (n_tup_ins > 0 or n_tup_upd > 0 or n_tup_del > 0) and schemaname !~ '^pg_'`;

// ── copies of rows ──────────────────────────────────────────────────────────────────────────────────────────────────

const META = 'aisha_db_batch, aisha_db_table, aisha_db_row, aisha_db_action';

/**
 * Makes the table that rows are copied to: the same columns with the same types, so that nothing of them is lost, and
 * nobody but its owner may read it, whatever default privileges say.
 */
export function createBackupSql(part: Part): readonly string[] {
  const name = backupOf(part);
  return [
    `create table ${name} (
      like ${quoteQualified(part.table.schema, part.table.name)},
      aisha_db_batch int4 not null, aisha_db_table oid not null, aisha_db_row tid not null, aisha_db_action text not null
    )`,
    `create index on ${name} (aisha_db_batch)`,
    `alter table ${name} enable row level security`,
    `do $do$
      declare grantee text;
      begin
        for grantee in
          select case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end
          from pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
          where c.oid = ${quoteLiteral(name)}::pg_catalog.regclass and a.grantee <> c.relowner
        loop
          execute ${quoteLiteral(`revoke all on ${name} from `)} || grantee;
        end loop;
      end $do$`,
    `comment on table ${name} is ${quoteLiteral(`Rows of ${part.table.title} that aisha-db orphans --fix deleted or changed.`)}`,
  ];
}

/** Where rows of a table go: `orphan_fix_7_0` in the ledger's schema. */
export function partOf(details: TableDetails, schema: string, fix: number, index: number): Part {
  const { oid, schema: own, name, title, partitioned, primaryKey } = details;
  return {
    table: { oid, schema: own, name, title, partitioned },
    columns: details.columns.map((column) => column.name),
    writable: details.columns.filter(({ generated }) => !generated).map((column) => column.name),
    primaryKey,
    backup: { schema, name: `orphan_fix_${fix}_${index}` },
  };
}

export function backupOf({ backup }: Part): string {
  return quoteQualified(backup.schema, backup.name);
}

function savedColumns({ columns }: Part): readonly string[] {
  return columns.map(quoteIdentifier);
}

function onlyTable({ schema, name, partitioned }: Pick<TableFact, 'schema' | 'name' | 'partitioned'>): string {
  return `${partitioned ? '' : 'only '}${quoteQualified(schema, name)}`;
}
