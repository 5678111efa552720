import { readOnly } from '../postgres/read-only.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type AuditLog, auditLogOf } from './audit.ts';
import { type Cascades, countReachedSql, findCascades } from './cascade.ts';
import type { CatalogFacts, ForeignKeyFact } from './facts.ts';
import type { FixFacts, FixKind, TableDetails } from './fix-plan.ts';
import type { Relation } from './relation.ts';

interface Limits {
  readonly timeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** Reads what a plan needs to know of the tables that a repair would touch, and counts what cascades reach. */
export async function readFixFacts(
  session: Session,
  facts: CatalogFacts,
  { relation, orphans, kind }: { readonly relation: Relation; readonly orphans: number; readonly kind: FixKind },
  limits: Limits,
): Promise<FixFacts> {
  const cascades = kind === 'delete' ? findCascades(relation.child, facts) : NONE;
  const keys = [...cascades.deleting, ...cascades.changing, ...cascades.blocking];
  const oids = [...new Set([relation.child.oid, ...keys.map((key) => key.table)])];
  const rows = await session.query<TableDetails>(DETAILS, [oids]);
  const details = new Map(rows.map((row) => [row.oid, row]));
  const [lock] = await session.query<{ may: boolean }>(
    "select pg_catalog.has_table_privilege($1::oid, 'update') or pg_catalog.has_table_privilege($1::oid, 'delete') as may",
    [relation.parent.oid],
  );
  const reached = new Map<ForeignKeyFact, number | undefined>();
  for (const key of keys) reached.set(key, await countReached(session, key, { relation, cascades, facts }, limits));
  return { relation, orphans, cascades, reached, details, mayLockParent: lock!.may };
}

const NONE: Cascades = { deleting: [], changing: [], blocking: [] };

/** `undefined` when it takes too long or may not be read: then it counts as something. */
async function countReached(
  session: Session,
  key: ForeignKeyFact,
  { relation, cascades, facts }: { relation: Relation; cascades: Cascades; facts: CatalogFacts },
  limits: Limits,
): Promise<number | undefined> {
  try {
    const sql = countReachedSql(key, relation, cascades, facts.tables);
    const [row] = await readOnly(session, limits, () => session.query<{ rows: number }>(sql));
    return row!.rows;
  } catch (error) {
    const code = serverError(error)?.code;
    const isExpected = [SQLSTATE.canceled, SQLSTATE.lockNotAvailable, SQLSTATE.insufficientPrivilege].some(
      (known) => known === code,
    );
    if (limits.signal.aborted || !isExpected) throw error;
    return undefined;
  }
}

/** The table that changes are written to for people, if there is one that fits; $1 its schema by preference. */
export async function readAuditLog(session: Session, details: TableDetails): Promise<AuditLog | undefined> {
  const rows = await session.query<{ schema: string; columns: Record<string, string> }>(
    `select n.nspname as schema, pg_catalog.json_object_agg(a.attname, pg_catalog.format_type(a.atttypid, -1)) as columns
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relname = 'audit_log' and c.relkind in ('r', 'p') and n.nspname in ($1, 'public')
      group by n.nspname
      order by n.nspname <> $1`,
    [details.schema],
  );
  return auditLogOf(rows, details);
}

const DETAILS = `
  select
    c.oid,
    n.nspname as schema,
    c.relname as name,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as title,
    c.relkind = 'p' as partitioned,
    (
      select pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', a.attname,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'generated', a.attgenerated <> ''
      ) order by a.attnum)
      from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    coalesce((
      select pg_catalog.json_agg(k.attname order by pg_catalog.array_position(p.conkey, k.attnum))
      from pg_catalog.pg_constraint p
      join pg_catalog.pg_attribute k on k.attrelid = c.oid and k.attnum = any (p.conkey)
      where p.conrelid = c.oid and p.contype = 'p'
    ), '[]') as "primaryKey",
    coalesce((
      select pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', t.tgname,
        'function', pg_catalog.format('%I.%I', fn.nspname, f.proname),
        'onDelete', (t.tgtype & 8) <> 0,
        'onUpdate', (t.tgtype & 16) <> 0
      ) order by t.tgname)
      from pg_catalog.pg_trigger t
      join pg_catalog.pg_proc f on f.oid = t.tgfoid
      join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
      where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')
    ), '[]') as triggers,
    (
      select coalesce(pg_catalog.json_agg(r), '[]')
      from pg_catalog.unnest(array['SELECT', 'UPDATE', 'DELETE']) r
      where not pg_catalog.has_table_privilege(c.oid, r)
    ) as denied,
    pg_catalog.row_security_active(c.oid) as filtered
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = any ($1::oid[])`;
