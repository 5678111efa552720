import { AishaError, messageOf } from '../errors.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type AuditFilter, readRows } from './audit-log.ts';
import { planUndo, statementsOf, type UndoPlan, type UndoTable } from './undo-plan.ts';

/** What came back of a table. */
export interface Undone {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  /** Rows that are there again, or were changed since: they were left alone. */
  readonly skipped: number;
}

/** What would be undone; reads only. @throws AishaError (usage) without a log */
export async function previewUndo(session: Session, filter: AuditFilter): Promise<UndoPlan> {
  return planUndo(await readRows(session, filter), await session.query<UndoTable>(TABLES));
}

/**
 * Undoes in one transaction. A row that is there again, or whose changed columns are no longer what the log says last, is
 * left alone: so a second run finds nothing to do.
 * @param rehearse undo it again at the end: only the counts are wanted
 * @throws AishaError (rolledBack) when the server refuses; then nothing was changed
 */
export async function undo(session: Session, plan: UndoPlan, rehearse: boolean): Promise<Undone[]> {
  const undone: Undone[] = [];
  await session.query('begin');
  try {
    await session.query('set constraints all deferred');
    for (const one of plan.tables) undone.push(await undoTable(session, one));
    await session.query('set constraints all immediate');
    await session.query(rehearse ? 'rollback' : 'commit');
    return undone;
  } catch (error) {
    await session.query('rollback').catch(() => {});
    const refused = serverError(error);
    if (refused === undefined) throw error;
    throw new AishaError('rolledBack', `the undo is refused: ${messageOf(error)}`, {
      ...(refused.detail === undefined ? {} : { details: [refused.detail] }),
      hint: 'Nothing was changed. Rows whose parent is gone as well come back together: leave --table out, or begin earlier.',
      sqlState: refused.code,
      cause: error,
    });
  }
}

async function undoTable(session: Session, one: UndoPlan['tables'][number]): Promise<Undone> {
  const { schema, name } = one.table;
  const counts = { insert: 0, update: 0 };
  for (const { sql, rows, kind } of statementsOf(one)) {
    const { rowCount } = await session.client.query(sql, [JSON.stringify(rows)]);
    counts[kind] += rowCount ?? 0;
  }
  return {
    table: `${schema}.${name}`,
    inserted: counts.insert,
    updated: counts.update,
    skipped: one.rows.length - counts.insert - counts.update,
  };
}

const TABLES = `
  select n.nspname::text as schema, c.relname::text as name,
    (select json_agg(json_build_object('name', a.attname, 'required',
        a.attnotnull and not a.atthasdef and a.attidentity = '') order by a.attnum)
      from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
    exists (select from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
      where i.indrelid = c.oid and i.indisprimary and i.indnkeyatts = 1 and a.attname = 'id') as "hasId",
    coalesce((select json_agg(distinct format('%s.%s', fn.nspname, fc.relname)) from pg_catalog.pg_constraint k
      join pg_catalog.pg_class fc on fc.oid = k.confrelid join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
      where k.conrelid = c.oid and k.contype = 'f'), '[]') as parents
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;
