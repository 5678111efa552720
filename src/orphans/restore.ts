import { AishaError, messageOf } from '../errors.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { readCatalog } from './catalog.ts';
import { type FixRecord, readFixes, setStateSql } from './fix-record.ts';
import { restoreSql, savedSql } from './restore-sql.ts';

/** What putting a repair back takes. */
export interface RestorePlan {
  readonly record: FixRecord;
  readonly saved: readonly { readonly table: string; readonly rows: number }[];
  readonly statements: readonly string[];
  /** The foreign key will not be valid afterwards. */
  readonly invalidates: string | undefined;
}

/** @throws AishaError (usage) when there is no such repair, or it was put back already */
export async function planRestore(session: Session, schema: string, id: number): Promise<RestorePlan> {
  const fixes = await readFixes(session, schema);
  const record = fixes.find((fix) => fix.id === id);
  if (record === undefined) {
    const known = fixes.map((fix) => fix.id).join(', ');
    throw new AishaError('usage', `there is no repair ${id} in ${schema}`, {
      hint: known === '' ? 'Nothing was repaired in this database.' : `There are: ${known}.`,
    });
  }
  if (record.state === 'restored') {
    throw new AishaError('usage', `repair ${id} was put back already`, {
      hint: 'Its rows are still saved; copy what is missing by hand.',
    });
  }
  const { foreignKeys } = await readCatalog(session, { ignoreSchemas: [], columns: [] });
  const constraint = await constraintOf(session, record);
  const { kind, columns, parts } = record;
  return {
    record,
    saved: await session.query(savedSql(parts)),
    statements: restoreSql({ kind, columns, parts, foreignKeys, constraint }),
    invalidates: constraint?.name,
  };
}

/** Puts the rows back in one transaction. @returns how many rows each statement wrote */
export async function restore(session: Session, schema: string, plan: RestorePlan): Promise<readonly string[]> {
  const { record, statements } = plan;
  const message = ['begin', ...statements, setStateSql(schema, 'restored').replace('$1', String(record.id)), 'commit'];
  const { error, tags } = await session.script([message.join(';\n')], { keepTags: true });
  if (error === undefined) return tags.filter((tag) => /^(INSERT|UPDATE)/.test(tag)).slice(0, -1);
  await session.undo();
  const sqlState = serverError(error)?.code;
  throw new AishaError('rolledBack', `repair ${record.id} could not be put back: ${messageOf(error)}`, {
    cause: error,
    hint: 'Nothing was changed. If rows refer to a parent that is gone, put that back first.',
    ...(sqlState === undefined ? {} : { sqlState }),
  });
}

/** A partitioned table cannot have a key that is NOT VALID before PostgreSQL 18: there the parents have to come first. */
async function constraintOf(
  session: Session,
  { constraint, parts }: FixRecord,
): Promise<{ readonly name: string; readonly definition: string } | undefined> {
  const own = parts[0]?.table;
  if (constraint === null || own === undefined || own.partitioned) return undefined;
  const [row] = await session.query<{ name: string; definition: string }>(
    `select conname as name, pg_catalog.pg_get_constraintdef(oid) as definition
      from pg_catalog.pg_constraint where conrelid = $1::oid and conname = $2 and contype = 'f'`,
    [own.oid, constraint],
  );
  return row;
}
