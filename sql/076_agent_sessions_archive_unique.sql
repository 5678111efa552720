-- ============================================
-- Migration: 076_agent_sessions_archive_unique.sql
-- Description: Archive each session and each event once
-- Date: 2025-11-16
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 023_comprehensive_rls_security.sql, 042_fix_entity_transitions_tenant_id_type.sql, 075_agent_memory_archive.sql
-- Rollback: ROLLBACK_076_agent_sessions_archive_unique.sql
-- ============================================
--
-- Breaking Changes:
-- - A second row for a session or an event is refused: upsert, or call archive_agent_session
-- - Of rows archived more than once the earliest stays; the rollback does not bring the copies back
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - agent_sessions_archive: unique (tenant_id, user_id, session_id)
-- - agent_events_archive: unique (tenant_id, user_id, session_id, event_id)
--
-- Indexes Added:
-- - agent_sessions_archive_unique
-- - agent_events_archive_unique

do $$
begin
  perform lift_forced_rls('agent_sessions_archive', 'agent_events_archive');

  delete from agent_sessions_archive a
  using (
    select id, first_value(id) over (
      partition by tenant_id, user_id, session_id
      order by created_at nulls last, archived_at nulls last, id
    ) as keeper
    from agent_sessions_archive
  ) ranked
  where a.id = ranked.id
    and ranked.id <> ranked.keeper;

  delete from agent_events_archive a
  using (
    select id, first_value(id) over (
      partition by tenant_id, user_id, session_id, event_id
      order by created_at nulls last, archived_at nulls last, id
    ) as keeper
    from agent_events_archive
  ) ranked
  where a.id = ranked.id
    and ranked.id <> ranked.keeper;

  if not exists (
    select from pg_constraint
    where conrelid = 'agent_sessions_archive'::regclass and conname = 'agent_sessions_archive_unique'
  ) then
    alter table agent_sessions_archive
      add constraint agent_sessions_archive_unique unique (tenant_id, user_id, session_id);
  end if;
  if not exists (
    select from pg_constraint
    where conrelid = 'agent_events_archive'::regclass and conname = 'agent_events_archive_unique'
  ) then
    alter table agent_events_archive
      add constraint agent_events_archive_unique unique (tenant_id, user_id, session_id, event_id);
  end if;

  perform restore_forced_rls();
end
$$;

-- The unique keys begin with tenant_id: its plain indexes have no more use.
drop index if exists idx_agent_sessions_archive_tenant_id;
drop index if exists idx_agent_events_archive_tenant_id;

-- Archives a session with its events; archiving it again replaces the payload and adds new events, so
-- the job may be repeated at any time. The tenant is given by UUID or slug and noted in the payload.
-- events: [{"id": "...", "type": "...", "created_at": "...", "payload": {...}}, ...]
create or replace function archive_agent_session(
  tenant text,
  user_id text,
  session_id text,
  payload jsonb default '{}',
  events jsonb default '[]',
  created_at timestamptz default now()
)
returns uuid
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  tenant_uuid constant uuid := public.resolve_tenant_id(archive_agent_session.tenant);
  provenance jsonb;
  archived uuid;
begin
  if tenant_uuid is null then
    raise exception 'no tenant "%"', archive_agent_session.tenant
      using errcode = 'no_data_found';
  end if;
  provenance := jsonb_build_object('_tenant', jsonb_build_object(
    'input', archive_agent_session.tenant,
    'slug', public.tenant_slug(tenant_uuid),
    'uuid', tenant_uuid,
    'source', case when public.try_uuid(archive_agent_session.tenant) is null then 'db-slug' else 'db-id' end
  ));

  insert into public.agent_sessions_archive as a (tenant_id, user_id, session_id, payload, created_at)
  values (
    tenant_uuid, archive_agent_session.user_id, archive_agent_session.session_id,
    coalesce(archive_agent_session.payload, '{}') || provenance, archive_agent_session.created_at
  )
  on conflict on constraint agent_sessions_archive_unique do update
  set
    payload = excluded.payload,
    created_at = least(a.created_at, excluded.created_at),
    archived_at = now()
  returning a.id into archived;

  insert into public.agent_events_archive as e
    (tenant_id, user_id, session_id, event_id, event_type, payload, created_at)
  select distinct on (event ->> 'id')
    tenant_uuid, archive_agent_session.user_id, archive_agent_session.session_id,
    event ->> 'id', event ->> 'type',
    coalesce(event -> 'payload', '{}') || provenance,
    coalesce((event ->> 'created_at')::timestamptz, archive_agent_session.created_at)
  from jsonb_array_elements(coalesce(archive_agent_session.events, '[]')) event
  on conflict on constraint agent_events_archive_unique do update
  set
    event_type = excluded.event_type,
    payload = excluded.payload,
    archived_at = now();

  return archived;
end
$$;

do $$
begin
  perform make_owner_only('archive_agent_session(text, text, text, jsonb, jsonb, timestamptz)');
  if to_regrole('service_role') is not null then
    grant execute on function archive_agent_session(text, text, text, jsonb, jsonb, timestamptz) to service_role;
  end if;
end
$$;
