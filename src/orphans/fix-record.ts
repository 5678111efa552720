import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { FixPlan } from './fix-plan.ts';
import { backupOf, createBackupSql, type Part, partOf } from './fix-sql.ts';

/** A repair as the database remembers it: what was saved where, and how far it came. */
export interface FixRecord {
  readonly id: number;
  readonly relation: string;
  readonly kind: 'delete' | 'set-null';
  readonly state: 'running' | 'done' | 'restored';
  /** Name of the relation's foreign key, if it has one. */
  readonly constraint: string | null;
  readonly columns: readonly string[];
  readonly parts: readonly Part[];
  readonly startedAt: string;
}

/** The table of repairs in the ledger's schema. */
const FIXES = 'orphan_fixes';

const COLUMNS = `id::int4, relation, kind, state, "constraint", columns, parts,
  pg_catalog.to_char(started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' as "startedAt"`;

/** All repairs, the latest first; none where no repair was ever made. */
export async function readFixes(session: Session, schema: string): Promise<FixRecord[]> {
  const [exists] = await session.query(
    `select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2`,
    [schema, FIXES],
  );
  if (exists === undefined) return [];
  return session.query<FixRecord>(`select ${COLUMNS} from ${quoteQualified(schema, FIXES)} order by id desc`);
}

/**
 * The record of a repair: the one that an earlier run did not finish, or a new one with its tables for saved rows.
 * @throws AishaError (connection) when the role may not create them
 */
export async function openFix(session: Session, schema: string, plan: FixPlan): Promise<FixRecord> {
  const unfinished = (await readFixes(session, schema)).find(
    (fix) => fix.state === 'running' && fix.relation === plan.relation.name && fix.kind === plan.kind,
  );
  if (unfinished !== undefined && (await canGoOn(session, unfinished, plan))) return unfinished;
  try {
    await session.query('begin');
    await createRegistry(session, schema);
    const record = await createRecord(session, schema, plan);
    await session.query('commit');
    return record;
  } catch (error) {
    await session.undo();
    throw new AishaError('connection', `rows cannot be saved in ${schema}: ${(error as Error).message}`, {
      hint: 'The role needs CREATE on the database, or name a schema it owns under "ledger" in the configuration.',
      cause: error,
    });
  }
}

async function createRegistry(session: Session, schema: string): Promise<void> {
  const [exists] = await session.query('select from pg_catalog.pg_namespace where nspname = $1', [schema]);
  if (exists === undefined) await session.query(`create schema ${quoteIdentifier(schema)}`);
  const table = quoteQualified(schema, FIXES);
  await session.query(
    `create table if not exists ${table} (
      id int4 generated always as identity primary key,
      relation text not null,
      kind text not null check (kind in ('delete', 'set-null')),
      state text not null default 'running' check (state in ('running', 'done', 'restored')),
      "constraint" text,
      columns jsonb not null,
      parts jsonb not null default '[]',
      batches int4 not null default 0,
      rows int8 not null default 0,
      started_at timestamptz not null default clock_timestamp(),
      finished_at timestamptz,
      started_by text not null default session_user
    )`,
  );
  await session.query(`alter table ${table} enable row level security`);
}

async function createRecord(session: Session, schema: string, plan: FixPlan): Promise<FixRecord> {
  const { relation, kind, columns, tables } = plan;
  const [row] = await session.query<{ id: number }>(
    `insert into ${quoteQualified(schema, FIXES)} (relation, kind, "constraint", columns)
      values ($1, $2, $3, $4) returning id`,
    [relation.name, kind, relation.foreignKey?.name ?? null, JSON.stringify(columns)],
  );
  const parts = tables.map((table, index) => partOf(table, schema, row!.id, index));
  for (const part of parts) for (const statement of createBackupSql(part)) await session.query(statement);
  const [record] = await session.query<FixRecord>(
    `update ${quoteQualified(schema, FIXES)} set parts = $2 where id = $1 returning ${COLUMNS}`,
    [row!.id, JSON.stringify(parts)],
  );
  return record!;
}

/** The tables have the columns they had then, and the copies are where they were. */
async function canGoOn(session: Session, { parts, columns }: FixRecord, plan: FixPlan): Promise<boolean> {
  if (JSON.stringify(columns) !== JSON.stringify(plan.columns)) return false;
  for (const table of plan.tables) {
    const part = parts.find((one) => one.table.oid === table.oid);
    if (part === undefined || part.columns.join() !== table.columns.map(({ name }) => name).join()) return false;
    const [row] = await session.query<{ same: boolean }>(
      `select pg_catalog.count(*) = $3 as same from pg_catalog.pg_attribute a
        join pg_catalog.pg_attribute b on b.attname = a.attname and b.atttypid = a.atttypid and not b.attisdropped
        where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
          and b.attrelid = pg_catalog.to_regclass($2)`,
      [table.oid, backupOf(part), table.columns.length],
    );
    if (row?.same !== true) return false;
  }
  return true;
}

/** Counts a batch and returns its number; whoever else repairs the same waits here. */
export function beginBatchSql(schema: string): string {
  return `update ${quoteQualified(schema, FIXES)} set batches = batches + 1 where id = $1 returning batches`;
}

export function endBatchSql(schema: string): string {
  return `update ${quoteQualified(schema, FIXES)} set rows = rows + $2 where id = $1`;
}

export function setStateSql(schema: string, state: FixRecord['state']): string {
  return `update ${quoteQualified(schema, FIXES)}
    set state = ${quoteLiteral(state)}, finished_at = pg_catalog.clock_timestamp() where id = $1`;
}
