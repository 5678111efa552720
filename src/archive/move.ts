import { AishaError } from '../errors.ts';
import { quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { hidden } from '../tenants/tenant-table.ts';
import {
  type EventSource,
  readEventSource,
  readSessionSource,
  type SessionSource,
  type SourceTable,
} from './source.ts';

export interface ArchiveOptions {
  /** `schema.name` of the sessions. */
  readonly sessions: string;
  /** `schema.name` of the events. */
  readonly events: string;
  /** The table of events was named: then it has to be there. */
  readonly eventsNamed: boolean;
  readonly statuses: readonly string[];
  /** How long a session has been finished (ms). */
  readonly olderThanMs: number;
  /** Sessions of one transaction. */
  readonly batch: number;
  /** UUID that the tenant `system` stands for. */
  readonly systemTenant: string | undefined;
  readonly signal: AbortSignal;
  readonly onBatch: (moved: Moved) => void;
}

export interface Moved {
  readonly sessions: number;
  readonly events: number;
}

/** Finished sessions that cannot be moved, since their tenant is none or several. */
export interface Stranded {
  readonly tenant: string;
  readonly sessions: number;
}

export interface ArchiveSource {
  readonly sessions: SessionSource;
  readonly events: EventSource | undefined;
}

/** The tables of 075 and 076, in the schema of the pack. */
const SESSIONS_ARCHIVE = 'public.agent_sessions_archive';
const EVENTS_ARCHIVE = 'public.agent_events_archive';
const TENANT = 'public.tenant';

interface Described {
  readonly label: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly filtered: boolean;
  readonly constraints: readonly string[];
  readonly role: string;
}

/**
 * Looks at the tables that are moved from and to.
 * @throws AishaError (usage) when one is missing or lacks a column; (connection) when row-level security hides rows
 */
export async function openArchive(session: Session, options: ArchiveOptions): Promise<ArchiveSource> {
  const names = [options.sessions, options.events, SESSIONS_ARCHIVE, EVENTS_ARCHIVE, TENANT];
  const described = await session.query<Described>(
    `select n.nspname || '.' || c.relname as label, n.nspname as schema, c.relname as name, current_user::text as role,
       (select coalesce(json_agg(attname), '[]') from pg_catalog.pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
       pg_catalog.row_security_active(c.oid) as filtered,
       (select coalesce(json_agg(conname), '[]') from pg_catalog.pg_constraint where conrelid = c.oid) as constraints
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any ($1::text[])`,
    [names],
  );
  const byName = new Map(described.map((table) => [table.label, table]));
  const archives = [SESSIONS_ARCHIVE, EVENTS_ARCHIVE].filter(
    (name) => !byName.get(name)?.constraints.includes(`${name.split('.')[1]}_unique`),
  );
  if (archives.length > 0 || !byName.has(TENANT))
    throw noArchive([...archives, ...(byName.has(TENANT) ? [] : [TENANT])]);
  const sessions = byName.get(options.sessions);
  const events = byName.get(options.events);
  if (sessions === undefined) throw noSource(options.sessions, '--sessions');
  if (events === undefined && options.eventsNamed) throw noSource(options.events, '--events');
  const filtered = described.filter((table) => table.filtered);
  if (filtered.length > 0) throw hidden(filtered.map(({ label }) => label).join(', '), filtered[0]!.role);
  return {
    sessions: readSessionSource(toSource(sessions), options.statuses),
    events: events === undefined ? undefined : readEventSource(toSource(events)),
  };
}

function toSource({ label, schema, name, columns }: Described): SourceTable {
  return { label, sql: quoteQualified(schema, name), columns };
}

function noArchive(names: readonly string[]): AishaError {
  return new AishaError('usage', `there is no ${names.join(', no ')} with its unique key`, {
    hint: 'Apply 075_agent_memory_archive.sql and 076_agent_sessions_archive_unique.sql: aisha-db migrate.',
  });
}

function noSource(name: string, option: string): AishaError {
  return new AishaError('usage', `there is no table ${name} to archive from`, {
    hint: `Name the table with ${option} SCHEMA.NAME.`,
  });
}

/** What would be moved now. */
export async function countFinished(session: Session, source: ArchiveSource, options: ArchiveOptions): Promise<Moved> {
  const { sessions, events } = source;
  const ofBatch =
    events === undefined ? '0' : `(select count(*) from ${events.table.sql} e, batch b where ${events.ofSession})`;
  const [row] = await session.query<{ sessions: string; events: string }>(
    `with batch as (${finishedSessions(sessions)})
     select (select count(*) from batch)::text as sessions, ${ofBatch}::text as events`,
    [interval(options.olderThanMs), options.systemTenant ?? null],
  );
  return { sessions: Number(row!.sessions), events: Number(row!.events) };
}

/**
 * Moves finished sessions with their events, batch after batch. One statement reads, deletes and archives a batch: what
 * is deleted is what is archived, whatever happens to the run. Two runs at once share the work: each passes over
 * the sessions that the other has locked.
 */
export async function moveFinished(session: Session, source: ArchiveSource, options: ArchiveOptions): Promise<Moved> {
  const total = { sessions: 0, events: 0 };
  const values = [interval(options.olderThanMs), options.systemTenant ?? null];
  const statements = [moveStatement(source, options.batch), ...lateStatement(source, options.batch)];
  for (const { sql, withAge } of statements) {
    for (;;) {
      options.signal.throwIfAborted();
      const [row] = await session.query<{ sessions: string; events: string }>(sql, withAge ? values : []);
      const moved = { sessions: Number(row!.sessions), events: Number(row!.events) };
      if (moved.sessions + moved.events === 0) break;
      total.sessions += moved.sessions;
      total.events += moved.events;
      options.onBatch({ ...total });
    }
  }
  return total;
}

/** Finished sessions whose tenant is no tenant, or may be several: they stay where they are. */
export async function findStranded(
  session: Session,
  { sessions }: ArchiveSource,
  options: ArchiveOptions,
): Promise<Stranded[]> {
  const rows = await session.query<{ tenant: string | null; sessions: string }>(
    `select ${sessions.tenant} as tenant, count(*)::text as sessions
     from ${sessions.table.sql} s, lateral (${tenantOf(sessions)}) t
     where ${sessions.finished} and t.matches <> 1 group by 1 order by count(*) desc, 1 limit 100`,
    [interval(options.olderThanMs), options.systemTenant ?? null],
  );
  return rows.map(({ tenant, sessions: count }) => ({ tenant: tenant ?? '(none)', sessions: Number(count) }));
}

function interval(milliseconds: number): string {
  return `${milliseconds} milliseconds`;
}

/** Exactly one row: the tenant, if `matches` is 1. `$2` is the UUID of the system tenant. */
function tenantOf({ tenant }: SessionSource): string {
  return `select (array_agg(r.id))[1] as id, (array_agg(r.slug))[1] as slug, count(*) as matches
    from public.tenant r
    where case when ${tenant} = 'system' and $2::uuid is not null then r.id = $2::uuid
      else r.slug = ${tenant} or r.id = public.try_uuid(${tenant}) end`;
}

/** Finished sessions with what the archive wants to know of them; `_tenant` as in the manual (7.4, "Archival Provenance"). */
function finishedSessions(source: SessionSource): string {
  return `select s.tableoid as source, s.ctid as place, t.id as tenant_id, ${source.tenant} as tenant, ${source.user} as user_id,
      ${source.session} as session_id, ${source.createdAt} as created_at, ${source.payload} as payload,
      jsonb_build_object('_tenant', jsonb_build_object('input', ${source.tenant}, 'slug', t.slug, 'uuid', t.id, 'source',
        case when ${source.tenant} = 'system' and $2::uuid is not null then 'env'
          when t.id = public.try_uuid(${source.tenant}) then 'db-id' else 'db-slug' end)) as provenance
    from ${source.table.sql} s, lateral (${tenantOf(source)}) t
    where ${source.finished} and t.matches = 1 and ${source.user} is not null and ${source.session} is not null`;
}

interface Statement {
  readonly sql: string;
  readonly withAge: boolean;
}

function moveStatement({ sessions, events }: ArchiveSource, batch: number): Statement {
  const goneEvents =
    events === undefined
      ? ''
      : `, gone_events as (
        delete from ${events.table.sql} e using (select distinct tenant, user_id, session_id, tenant_id, provenance from batch) b
        where ${events.ofSession}
        returning b.tenant_id, b.user_id, b.session_id, ${events.event} as event_id, ${events.type} as event_type,
          ${events.payload} || b.provenance as payload, ${events.createdAt} as created_at
      ), events_in as (${insertEvents('gone_events')})`;
  const sql = `
    with batch as materialized (
      ${finishedSessions(sessions)} order by ${sessions.since} limit ${batch} for update of s skip locked
    ), gone_sessions as (
      delete from ${sessions.table.sql} s using batch b where s.tableoid = b.source and s.ctid = b.place
      returning b.tenant_id, b.user_id, b.session_id, b.payload || b.provenance as payload, b.created_at
    ), sessions_in as (
      insert into ${SESSIONS_ARCHIVE} as a (tenant_id, user_id, session_id, payload, created_at)
      select distinct on (tenant_id, user_id, session_id) tenant_id, user_id, session_id, payload, created_at
      from gone_sessions order by tenant_id, user_id, session_id, created_at desc
      on conflict on constraint agent_sessions_archive_unique do update
      set payload = excluded.payload, created_at = least(a.created_at, excluded.created_at), archived_at = now()
      returning 1
    )${goneEvents}
    select (select count(*) from gone_sessions)::text as sessions,
      ${events === undefined ? '0' : '(select count(*) from gone_events)'}::text as events`;
  return { sql, withAge: true };
}

/** Events that came after their session was archived follow it. */
function lateStatement({ sessions, events }: ArchiveSource, batch: number): Statement[] {
  if (events === undefined || !events.table.columns.includes('tenant_id') || !events.table.columns.includes('user_id'))
    return [];
  const sql = `
    with archived as (
      select a.tenant_id, a.user_id, a.session_id, coalesce(a.payload #>> '{_tenant,input}', a.tenant_id::text) as tenant,
        jsonb_build_object('_tenant', a.payload -> '_tenant') as provenance
      from ${SESSIONS_ARCHIVE} a
    ), batch as materialized (
      select e.tableoid as source, e.ctid as place, b.tenant_id, b.user_id, b.session_id, b.provenance
      from ${events.table.sql} e join archived b on ${events.ofSession}
      where not exists (
        select from ${sessions.table.sql} s where ${sessions.session} = b.session_id and ${sessions.user} = b.user_id
      )
      limit ${batch * 10} for update of e skip locked
    ), gone_events as (
      delete from ${events.table.sql} e using batch b where e.tableoid = b.source and e.ctid = b.place
      returning b.tenant_id, b.user_id, b.session_id, ${events.event} as event_id, ${events.type} as event_type,
        ${events.payload} || b.provenance as payload, ${events.createdAt} as created_at
    ), events_in as (${insertEvents('gone_events')})
    select '0' as sessions, (select count(*) from gone_events)::text as events`;
  return [{ sql, withAge: false }];
}

function insertEvents(from: string): string {
  return `insert into ${EVENTS_ARCHIVE} (tenant_id, user_id, session_id, event_id, event_type, payload, created_at)
      select distinct on (tenant_id, user_id, session_id, event_id)
        tenant_id, user_id, session_id, event_id, event_type, payload, created_at
      from ${from} order by tenant_id, user_id, session_id, event_id, created_at desc
      on conflict on constraint agent_events_archive_unique do update
      set event_type = excluded.event_type, payload = excluded.payload, archived_at = now()
      returning 1`;
}
