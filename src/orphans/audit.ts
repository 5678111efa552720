import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { type FixKind, META_COLUMNS, type TableDetails } from './fix-plan.ts';
import { backupOf, type Part } from './fix-sql.ts';

/** A table called audit_log, with the types of its columns. */
export interface FoundAuditLog {
  readonly schema: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** A table audit_log as the manual describes it (part 1): who changed which row, and how it was before. */
export interface AuditLog {
  readonly schema: string;
  readonly columns: readonly string[];
  /** Type of the columns that hold whole rows. */
  readonly dataType: string;
  /** The key of the table goes into record_id. */
  readonly hasRecord: boolean;
}

const NEEDED = ['action', 'table_name', 'old_data'];
/** What the triggers of the pack leave out of their copies as well. */
const SECRETS = ['password_hash', 'key_hash', 'secret', 'api_credentials'];

/** The log to write to, unless a trigger of the table does so already or the columns are not those of a log. */
export function auditLogOf(
  found: readonly FoundAuditLog[],
  { triggers, name, columns: own, primaryKey }: Pick<TableDetails, 'triggers' | 'name' | 'columns' | 'primaryKey'>,
): AuditLog | undefined {
  if (name === 'audit_log' || triggers.some((trigger) => /audit/i.test(trigger.function))) return undefined;
  const log = found.find(({ columns }) => NEEDED.every((column) => Object.hasOwn(columns, column)));
  const dataType = log?.columns['old_data'] ?? '';
  if (log === undefined || !['json', 'jsonb', 'text'].includes(dataType)) return undefined;
  const id = own.find((column) => column.name === 'id' && primaryKey.length === 1 && primaryKey[0] === 'id');
  const hasRecord = id !== undefined && id.type === log.columns['record_id'];
  return { schema: log.schema, columns: Object.keys(log.columns), dataType, hasRecord };
}

/** Writes a row for each that a batch saved. $1: the batch. */
export function auditSql(log: AuditLog, kind: FixKind, nulled: readonly string[], part: Part, author: string): string {
  const without = `array[${[...SECRETS, ...META_COLUMNS].map(quoteLiteral).join(', ')}]::pg_catalog.text[]`;
  const before = `(pg_catalog.to_jsonb(b) - ${without})`;
  const nulls = quoteLiteral(JSON.stringify(Object.fromEntries(nulled.map((name) => [name, null]))));
  const action =
    kind === 'delete' ? "case b.aisha_db_action when 'change' then 'UPDATE' else 'DELETE' end" : "'UPDATE'";
  const values = Object.entries({
    action,
    table_name: quoteLiteral(part.table.name),
    old_data: `${before}::${log.dataType}`,
    new_data: kind === 'delete' ? 'null' : `(${before} || ${nulls}::pg_catalog.jsonb)::${log.dataType}`,
    changed_by: quoteLiteral(author),
    record_id: log.hasRecord ? 'b.id' : 'null',
  }).filter(([column]) => log.columns.includes(column));
  return `insert into ${quoteQualified(log.schema, 'audit_log')} (${values.map(([name]) => quoteIdentifier(name)).join(', ')})
    select ${values.map(([, value]) => value).join(', ')} from ${backupOf(part)} b where b.aisha_db_batch = $1`;
}
