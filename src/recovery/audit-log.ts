import { AishaError } from '../errors.ts';
import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { Burst } from './incident.ts';

/** A stretch of time, ISO 8601; open at the end when there is none. */
export interface Span {
  readonly since: string;
  readonly until: string | undefined;
}

/** A row of the log, as the undo needs it. */
export interface AuditRow {
  readonly action: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly table: string;
  readonly record: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** What of the log is meant. */
export interface AuditFilter extends Span {
  readonly tables: readonly string[];
  readonly by: string | undefined;
}

/** Bursts that are told of; the largest first. */
const MOST_BURSTS = 20;

/** Who changed how many rows at once: a transaction has one time (`now()`). `undefined`: there is no log. */
export async function readBursts(session: Session, { since, until }: Span): Promise<Burst[] | undefined> {
  const log = await findLog(session);
  if (log === undefined) return undefined;
  return session.query<Burst>(
    `select action::text, table_name::text as "table", changed_by::text as "by",
       to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, count(*)::float8 as rows
     from ${log} where changed_at >= $1::timestamptz and changed_at <= coalesce($2::timestamptz, 'infinity') and action in ('DELETE', 'UPDATE')
     group by action, table_name, changed_by, changed_at order by count(*) desc, changed_at limit ${MOST_BURSTS}`,
    [since, until ?? null],
  );
}

/** The rows of the log that are meant, from the oldest. @throws AishaError (usage) when there is no log */
export async function readRows(session: Session, { since, until, tables, by }: AuditFilter): Promise<AuditRow[]> {
  const log = await findLog(session);
  if (log === undefined) {
    throw new AishaError(
      'usage',
      'this database has no audit_log with action, table_name, record_id, old_data, new_data and changed_at',
      {
        hint: 'Without one, rows come back from a backup only: aisha-db recover choose.',
      },
    );
  }
  return session.query<AuditRow>(
    `select action::text, table_name::text as "table", record_id::text as record, old_data::jsonb as before, new_data::jsonb as after
     from ${log} where changed_at >= $1::timestamptz and changed_at <= coalesce($2::timestamptz, 'infinity')
       and (cardinality($3::text[]) = 0 or table_name = any ($3)) and ($4::text is null or changed_by = $4)
       and action in ('INSERT', 'UPDATE', 'DELETE') and record_id is not null
     order by changed_at, case action when 'INSERT' then 0 when 'UPDATE' then 1 else 2 end`,
    [since, until ?? null, tables, by ?? null],
  );
}

/** The table audit_log with the columns of the manual (part 1), quoted. */
async function findLog(session: Session): Promise<string | undefined> {
  const [log] = await session.query<{ schema: string }>(
    `select n.nspname::text as schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relname = 'audit_log' and c.relkind in ('r', 'p') and (select count(*) from pg_catalog.pg_attribute a where a.attrelid = c.oid
       and not a.attisdropped and a.attname = any ($1)) = cardinality($1::text[])
     order by n.nspname = 'public' desc limit 1`,
    [['action', 'table_name', 'record_id', 'old_data', 'new_data', 'changed_by', 'changed_at']],
  );
  return log === undefined ? undefined : quoteQualified(log.schema, 'audit_log');
}
