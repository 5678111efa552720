import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';

/** A table that sessions or events are moved from. */
export interface SourceTable {
  /** `schema.name`, for people. */
  readonly label: string;
  /** Quoted. */
  readonly sql: string;
  readonly columns: readonly string[];
}

/** Which columns of the source mean what, as SQL on the alias `s` (sessions) or `e` (events), all of type text or time. */
export interface SessionSource {
  readonly table: SourceTable;
  readonly tenant: string;
  readonly user: string;
  readonly session: string;
  readonly createdAt: string;
  /** Condition: it is finished, and has been for as long as `$1` (an interval) says. */
  readonly finished: string;
  /** The moment since which it is finished. */
  readonly since: string;
  readonly payload: string;
}

export interface EventSource {
  readonly table: SourceTable;
  readonly event: string;
  readonly type: string;
  readonly createdAt: string;
  readonly payload: string;
  /** Condition that an event is of a session: on the alias `e` and a relation `b` with tenant, user_id, session_id. */
  readonly ofSession: string;
}

const END_COLUMNS = ['ended_at', 'finished_at', 'completed_at', 'closed_at'] as const;
const ACTIVITY_COLUMNS = ['last_activity_at', 'updated_at', 'created_at'] as const;
/** Every word for it that is usual. */
export const FINISHED = ['finished', 'completed', 'closed', 'ended', 'expired', 'failed', 'cancelled'] as const;

/**
 * Finds out what tells that a session is finished: a time of its end, else its status and the time of its last change.
 * @param statuses that count as finished
 * @throws AishaError (usage) with every column that is missing
 */
export function readSessionSource(table: SourceTable, statuses: readonly string[]): SessionSource {
  const has = (column: string) => table.columns.includes(column);
  const session = ['session_id', 'id'].find(has);
  const end = END_COLUMNS.find(has);
  const activity = ACTIVITY_COLUMNS.find(has);
  const missing = [
    ...['tenant_id', 'user_id'].filter((column) => !has(column)),
    ...(session === undefined ? ['session_id'] : []),
    ...(end === undefined && !(has('status') && activity !== undefined)
      ? [`${END_COLUMNS.join(' or ')}, or status with ${ACTIVITY_COLUMNS.join(' or ')}`]
      : []),
  ];
  if (missing.length > 0) throw unusable(table, missing);
  const since = `s.${quoteIdentifier((end ?? activity)!)}`;
  const isOver =
    end === undefined
      ? `lower(s.status::text) in (${statuses.map((status) => quoteLiteral(status.toLowerCase())).join(', ')})`
      : `${since} is not null`;
  return {
    table,
    tenant: 's.tenant_id::text',
    user: 's.user_id::text',
    session: `s.${quoteIdentifier(session!)}::text`,
    createdAt: has('created_at') ? 's.created_at' : since,
    finished: `${isOver} and ${since} < now() - $1::interval`,
    since,
    payload: payloadOf(table, 's', ['tenant_id', 'user_id', session!]),
  };
}

/** @throws AishaError (usage) with every column that is missing */
export function readEventSource(table: SourceTable): EventSource {
  const has = (column: string) => table.columns.includes(column);
  const event = ['event_id', 'id'].find(has);
  const type = ['event_type', 'type'].find(has);
  const missing = [...(event === undefined ? ['event_id'] : []), ...(has('session_id') ? [] : ['session_id'])];
  if (missing.length > 0) throw unusable(table, missing);
  const owners = [
    ['tenant_id', 'tenant'],
    ['user_id', 'user_id'],
  ].filter(([column]) => has(column!));
  const conditions = [['session_id', 'session_id'], ...owners].map(([column, key]) => `e.${column}::text = b.${key}`);
  return {
    table,
    event: `e.${quoteIdentifier(event!)}::text`,
    type: type === undefined ? 'null::text' : `e.${quoteIdentifier(type)}::text`,
    createdAt: has('created_at') ? 'e.created_at' : 'now()',
    payload: payloadOf(table, 'e', [
      'tenant_id',
      'user_id',
      'session_id',
      event!,
      ...(type === undefined ? [] : [type]),
    ]),
    ofSession: conditions.join(' and '),
  };
}

/** Nothing is lost: what has no column of its own in the archive stays in the payload. */
function payloadOf({ columns }: SourceTable, alias: string, keys: readonly string[]): string {
  const own = [...keys, ...(columns.includes('payload') ? ['payload'] : [])].map(quoteLiteral).join(', ');
  const rest = `jsonb_build_object('_row', to_jsonb(${alias}) - array[${own}]::text[])`;
  if (!columns.includes('payload')) return rest;
  const payload = `to_jsonb(${alias}.payload)`;
  // A payload may be any JSON value; only objects can be added to.
  return `case when jsonb_typeof(${payload}) = 'object' then ${payload} else jsonb_build_object('_payload', ${payload}) end || ${rest}`;
}

function unusable({ label }: SourceTable, missing: readonly string[]): AishaError {
  return new AishaError('usage', `${label} lacks ${missing.join('; ')}`, {
    hint: 'docs/archive.md says which columns are needed; a view with these names does as well.',
  });
}
