import type { Session } from '../../postgres/session.ts';
import { displayPath } from '../names.ts';
import { AUDIT_EVENTS, type AuditedTable, type AuditTrigger, type Written } from './audit.ts';

interface TriggerRow extends Omit<AuditTrigger, 'events'> {
  readonly table: number;
  readonly schema: string;
  readonly relation: string;
  readonly type: number;
}

/** Bits of `tgtype` (PostgreSQL source, pg_trigger.h). */
const BITS = { INSERT: 4, UPDATE: 16, DELETE: 8 } as const;

// Which triggers are those of an audit: as the check audit-trigger has it (diagnostics/audit-trigger.sql).
const TRIGGERS = `
  select t.tgrelid as "table", n.nspname as schema, c.relname as relation, t.tgname as name, t.tgtype::int as type,
    t.tgenabled as enabled, pg_catalog.pg_get_triggerdef(t.oid) as definition, p.prosrc as source
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_proc p on p.oid = t.tgfoid
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where not t.tgisinternal and not c.relispartition and c.relkind in ('r', 'p')
    and (p.proname ~* 'audit' or p.prosrc ~* 'insert\\s+into\\s+\\S*audit')
  order by n.nspname, c.relname, t.tgname
`;

/** Tables that have triggers of an audit, in the order of their names. */
export async function readAuditedTables(session: Session): Promise<AuditedTable[]> {
  const rows = await session.query<TriggerRow>(TRIGGERS);
  const tables = new Map<number, AuditedTable & { readonly triggers: AuditTrigger[] }>();
  for (const { table: oid, schema, relation, type, ...trigger } of rows) {
    const object = displayPath({ schema, name: relation });
    const table = tables.get(oid) ?? { oid, object, triggers: [] };
    tables.set(oid, table);
    table.triggers.push({ ...trigger, events: AUDIT_EVENTS.filter((event) => (type & BITS[event]) !== 0) });
  }
  return [...tables.values()];
}

/** Rows that this transaction has inserted so far, by the OID of the table or partition. */
export async function readInserted(session: Session): Promise<ReadonlyMap<number, number>> {
  const rows = await session.query<{ oid: number; rows: number }>(
    'select relid as oid, n_tup_ins::int as rows from pg_catalog.pg_stat_xact_all_tables where n_tup_ins > 0',
  );
  return new Map(rows.map(({ oid, rows: inserted }) => [oid, inserted]));
}

/** Names of tables; of a partition those of the table that it is a part of. */
export async function readWritten(session: Session, tables: readonly number[]): Promise<Written[]> {
  if (tables.length === 0) return [];
  const rows = await session.query<{ schema: string; name: string }>(
    `select distinct n.nspname as schema, c.relname as name
     from unnest($1::oid[]) written (oid)
     join pg_catalog.pg_class c on c.oid = coalesce(pg_catalog.pg_partition_root(written.oid), written.oid)
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname <> 'pg_toast'`,
    [tables],
  );
  return rows.map((row) => ({ name: row.name, object: displayPath(row) }));
}
