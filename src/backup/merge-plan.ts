import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { Problem } from './plan.ts';
import type { BackupColumn } from './side-table.ts';
import type { TableName } from './table-contents.ts';

/** `missing`: rows that are gone come back. `changed`: also rows that have other values get the old ones. */
export type MergeMode = 'missing' | 'changed';

export interface LiveColumn {
  readonly name: string;
  readonly type: string;
  readonly isGenerated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: no UPDATE may set it. */
  readonly isIdentityAlways: boolean;
  /** NOT NULL without a default: every row that comes back needs a value. */
  readonly isRequired: boolean;
}

export interface LiveForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly refersTo: TableName;
  readonly referred: readonly string[];
  readonly isOwnTable: boolean;
}

/** The table as it is now. */
export interface LiveTable extends TableName {
  readonly columns: readonly LiveColumn[];
  /** Columns of the primary key, else of a unique index that takes no NULL; empty when there is neither. */
  readonly key: readonly string[];
  readonly foreignKeys: readonly LiveForeignKey[];
  /** Columns of further unique constraints and indexes, without conditions and expressions. */
  readonly uniques: readonly { readonly name: string; readonly columns: readonly string[] }[];
  /** Triggers of the user that a merge fires. */
  readonly triggers: readonly string[];
  /** Row-level security hides rows from whoever merges. */
  readonly isFiltered: boolean;
  readonly mayWrite: boolean;
}

export interface MergePlan {
  /** Columns that the backup and the table have. */
  readonly columns: readonly string[];
  /** Column that tells when a row was last written; `undefined` when there is none. */
  readonly writtenAt: string | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Columns by which rows are known to be newer than the backup, by the names that applications give them. */
const WRITTEN_AT = ['updated_at', 'updated_date', 'modified_at', 'last_modified', 'updatedAt'];

/** Decides how the rows of a backup are matched with those of the table, and finds what stands against it. */
export function planMerge(live: LiveTable, saved: readonly BackupColumn[]): MergePlan {
  const before = new Set(saved.map(({ name }) => name));
  const now = new Set(live.columns.map(({ name }) => name));
  const columns = live.columns
    .filter(({ name, isGenerated }) => before.has(name) && !isGenerated)
    .map(({ name }) => name);
  const lost = saved.filter(({ name }) => !now.has(name)).map(({ name }) => name);
  const table = `${live.schema}.${live.name}`;
  const unmatched = live.key.filter((name) => !before.has(name));
  const required = live.columns.filter(({ name, isRequired }) => isRequired && !before.has(name));
  const writtenAt = live.columns.find(
    ({ name, type }) => WRITTEN_AT.includes(name) && type.startsWith('timestamp') && before.has(name),
  )?.name;
  const problem = (condition: boolean, message: string, hint: string): Problem[] =>
    condition ? [{ message, hint }] : [];
  return {
    columns,
    writtenAt,
    problems: [
      ...problem(
        live.key.length === 0,
        `${table} has no primary key and no unique index without NULL: rows cannot be matched`,
        'The rows of the backup are in the side schema: compare them by hand, or give the table a primary key.',
      ),
      ...problem(
        unmatched.length > 0,
        `the key of ${table} (${live.key.join(', ')}) is not in the backup`,
        'The rows of the backup are in the side schema: compare them by hand.',
      ),
      ...problem(
        live.isFiltered,
        `row-level security of ${table} hides rows from this role`,
        'Merge as a role with BYPASSRLS, or as the owner where it is not forced: it is never switched off.',
      ),
      ...problem(!live.mayWrite, `this role may not write to ${table}`, 'Merge as the owner of the table.'),
      ...required.flatMap(({ name }) =>
        problem(
          true,
          `the column ${name} of ${table} has no default, takes no NULL and is not in the backup`,
          'Give it a default for the time of the merge.',
        ),
      ),
    ],
    warnings: [
      ...(lost.length === 0 ? [] : [`${table} no longer has ${lost.join(', ')}: their values stay in the backup`]),
      ...(live.triggers.length === 0 ? [] : [`the merge fires the triggers ${live.triggers.join(', ')}`]),
      ...(writtenAt === undefined
        ? ['no column says when a row was last written: changed rows cannot be told from newer ones']
        : []),
    ],
  };
}

/** What the SQL below is about. */
export interface Merge {
  readonly live: LiveTable;
  readonly side: TableName;
  readonly plan: MergePlan;
  /** Time of the backup's snapshot, ISO 8601. */
  readonly createdAt: string;
}

/** One row with `missing`, `changed`, `newer` and `since`: how the rows differ. */
export function countSql({ live, side, plan, createdAt }: Merge): string {
  const isNewer = newerSql(plan, createdAt);
  const differs = differsSql(live, plan);
  return `
    select (count(*) filter (where l.ctid is null))::float8 as missing,
      (count(*) filter (where l.ctid is not null and (${differs}) and not (${isNewer})))::float8 as changed,
      (count(*) filter (where l.ctid is not null and (${differs}) and (${isNewer})))::float8 as newer,
      (select count(*)::float8 from ${nameOf(live)} l where not exists (
        select from ${nameOf(side)} s where ${sameKeySql(live)})) as since
    from ${nameOf(side)} s left join ${nameOf(live)} l on ${sameKeySql(live)}`;
}

/** Rows that would be written and whose foreign key refers to nothing; NULL in any column refers to nothing on purpose. */
export function orphanSql(merge: Merge, mode: MergeMode, key: LiveForeignKey): string {
  const pairs = key.columns.map((column, i) => [quoteIdentifier(column), quoteIdentifier(key.referred[i]!)] as const);
  const given = pairs.map(([column]) => `s.${column} is not null`).join(' and ');
  const there = pairs.map(([column, referred]) => `r.${referred} = s.${column}`).join(' and ');
  // A row of the same table may refer to one that comes back with it.
  const comesBack = key.isOwnTable ? ` and not exists (select from ${nameOf(merge.side)} r where ${there})` : '';
  return `
    select count(*)::float8 as count from ${nameOf(merge.side)} s
    where (${writtenSql(merge, mode)}) and ${given}
      and not exists (select from ${nameOf(key.refersTo)} r where ${there})${comesBack}`;
}

/** Rows that would be written and whose values another row has taken meanwhile. */
export function takenSql(merge: Merge, mode: MergeMode, columns: readonly string[]): string {
  const { live, side } = merge;
  const same = columns.map((column) => `o.${quoteIdentifier(column)} = s.${quoteIdentifier(column)}`).join(' and ');
  const key = live.key.map(quoteIdentifier);
  const other = key.map((column) => `o.${column} = s.${column}`).join(' and ');
  return `
    select count(*)::float8 as count from ${nameOf(side)} s
    where (${writtenSql(merge, mode)})
      and exists (select from ${nameOf(live)} o where ${same} and not (${other}))`;
}

/** Puts back the rows that are gone. */
export function insertSql({ live, side, plan }: Merge): string {
  const types = new Map(live.columns.map(({ name, type }) => [name, type]));
  const names = plan.columns.map(quoteIdentifier);
  const values = plan.columns.map((name) => `s.${quoteIdentifier(name)}::${types.get(name)}`);
  return `
    insert into ${nameOf(live)} (${names.join(', ')}) overriding system value
    select ${values.join(', ')} from ${nameOf(side)} s
    where not exists (select from ${nameOf(live)} l where ${sameKeySql(live)})`;
}

/** Gives rows their old values, except for those that were written after the backup. */
export function updateSql({ live, side, plan, createdAt }: Merge): string | undefined {
  const settable = live.columns.filter(
    ({ name, isIdentityAlways }) => plan.columns.includes(name) && !live.key.includes(name) && !isIdentityAlways,
  );
  if (settable.length === 0) return undefined;
  const set = settable.map(({ name, type }) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}::${type}`);
  return `
    update ${nameOf(live)} l set ${set.join(', ')} from ${nameOf(side)} s
    where ${sameKeySql(live)} and (${differsSql(live, plan)}) and not (${newerSql(plan, createdAt)})`;
}

/** The rows of the side table that a merge writes. */
function writtenSql({ live, plan, createdAt }: Merge, mode: MergeMode): string {
  const match = `select from ${nameOf(live)} l where ${sameKeySql(live)}`;
  const missing = `not exists (${match})`;
  if (mode === 'missing') return missing;
  return `${missing} or exists (${match} and (${differsSql(live, plan)}) and not (${newerSql(plan, createdAt)}))`;
}

function sameKeySql({ key }: LiveTable): string {
  return key.map((name) => `l.${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(' and ');
}

/** As text: some types have no equality, and a number that is written otherwise is another one to whoever reads it. */
function differsSql({ key }: LiveTable, { columns }: MergePlan): string {
  const compared = columns.filter((name) => !key.includes(name)).map(quoteIdentifier);
  if (compared.length === 0) return 'false';
  return compared.map((name) => `l.${name}::text is distinct from s.${name}::text`).join(' or ');
}

/** A timestamp without time zone is taken for UTC, in which our sessions live. */
function newerSql({ writtenAt }: MergePlan, createdAt: string): string {
  if (writtenAt === undefined) return 'false';
  return `coalesce(l.${quoteIdentifier(writtenAt)}::timestamptz > ${quoteLiteral(createdAt)}::timestamptz, false)`;
}

function nameOf({ schema, name }: TableName): string {
  return quoteQualified(schema, name);
}
