import { messageOf } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { countRows, readProtection } from './catalog.ts';
import {
  type Coming,
  comingPartitions,
  createStatement,
  isTooLong,
  type Partition,
  type PartitionedTable,
  protectionProblem,
  protectStatements,
} from './plan.ts';

/** A partition that is to be made, with all it gets, or why it cannot be. */
export interface Planned {
  readonly table: PartitionedTable;
  readonly coming: Coming;
  readonly statements: readonly string[];
  /** Rows of the default partition that belong into it: they block it. */
  readonly blocking: number;
  readonly problem: string | undefined;
}

/** Plans the coming partitions of a table, each with what its newest sibling is protected by. */
export async function planComing(
  session: Session,
  table: PartitionedTable,
  now: number,
  ahead: number,
): Promise<readonly Planned[]> {
  const coming = comingPartitions(table, now, ahead);
  if (coming.length === 0) return [];
  const { parent, protection } = await modelOf(session, table);
  // A new partition has the columns of its table, without those that were dropped.
  const columns = parent.columns.filter((name) => name !== '');
  const problem = protectionProblem(table, protection, columns);
  const fallback = table.partitions.find(({ isDefault }) => isDefault);
  const planned: Planned[] = [];
  for (const one of coming) {
    const blocking = fallback === undefined ? 0 : await countRows(session, table, fallback, one);
    planned.push({
      table,
      coming: one,
      statements: [createStatement(table, one), ...protectStatements(table.schema, one.name, protection)],
      blocking,
      problem: isTooLong(one.name) ? 'its name has more than 63 bytes' : problem,
    });
  }
  return planned;
}

/** The newest sibling; where its table has RLS and it has not, the table itself. */
async function modelOf(session: Session, table: PartitionedTable) {
  const newest = table.partitions
    .filter((one) => one.range !== undefined)
    .reduce((a, b) => (a.range!.from > b.range!.from ? a : b));
  const own = await readProtection(session, newest.schema, newest.name);
  const parent = await readProtection(session, table.schema, table.name);
  const isWeaker = table.rlsEnabled && (!own.rlsEnabled || own.policies.length === 0);
  if (!isWeaker) return { parent, protection: own };
  return { parent, protection: { ...parent, grants: own.grants, indexes: own.indexes } };
}

/** Makes one partition with all it gets, in one transaction; returns why it could not. */
export async function makePartition(session: Session, { statements }: Planned): Promise<string | undefined> {
  try {
    await session.query('begin');
    for (const statement of statements) await session.query(statement);
    await session.query('commit');
    return undefined;
  } catch (error) {
    await session.undo();
    return reasonOf(error);
  }
}

/** Runs a statement that detaches, outside of a transaction; returns why it could not. */
export async function detach(session: Session, statement: string): Promise<string | undefined> {
  try {
    await session.query(statement);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** What the server refuses is a finding, so that the other partitions are still worked on; a lost connection is not. */
function reasonOf(error: unknown): string {
  const code = serverError(error)?.code;
  if (code === undefined || code === SQLSTATE.canceled || code === SQLSTATE.adminShutdown) throw error;
  return code === SQLSTATE.lockNotAvailable ? 'it is in use: the lock was not acquired in time' : messageOf(error);
}

/** Rows in the default partition of each table that has one. */
export async function countDefaults(session: Session, tables: readonly PartitionedTable[]) {
  const counts = new Map<PartitionedTable, { readonly partition: Partition; readonly rows: number }>();
  for (const table of tables) {
    const partition = table.partitions.find(({ isDefault }) => isDefault);
    if (partition !== undefined) counts.set(table, { partition, rows: await countRows(session, table, partition) });
  }
  return counts;
}
