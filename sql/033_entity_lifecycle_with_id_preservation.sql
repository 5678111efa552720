-- ============================================
-- Migration: 033_entity_lifecycle_with_id_preservation.sql
-- Description: Convert leads to contacts to opportunities under one id, with a history
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 007_crud_enhancements.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_033_entity_lifecycle_with_id_preservation.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - entity_transitions: Conversions between entity types
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_entity_transitions_tenant_id
-- - idx_entity_transitions_entity_id

create table if not exists entity_transitions (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  entity_id uuid not null,
  from_type varchar(50) not null,
  to_type varchar(50) not null,
  transition_data jsonb default '{}',
  created_at timestamptz default now()
);

create index if not exists idx_entity_transitions_tenant_id on entity_transitions (tenant_id);
create index if not exists idx_entity_transitions_entity_id on entity_transitions (entity_id);

do $$
begin
  perform apply_tenant_rls('entity_transitions');
end
$$;

-- The contact takes the lead's id; the lead stays, as converted. Returns the id of the transition.
create or replace function convert_lead_to_contact(lead_id uuid, account_id uuid default null)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  source public.leads;
  transition_id uuid;
begin
  select * into source
  from public.leads l
  where l.id = convert_lead_to_contact.lead_id
  for update;
  if not found then
    raise exception 'no lead %', convert_lead_to_contact.lead_id
      using errcode = 'no_data_found';
  end if;

  insert into public.contacts (id, tenant_id, account_id, owner_id, first_name, last_name, email, phone, metadata)
  values (
    source.id, source.tenant_id, convert_lead_to_contact.account_id, source.owner_id,
    source.first_name, source.last_name, source.email, source.phone, source.metadata
  );
  update public.leads l
  set status = 'converted'
  where l.id = source.id;

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (source.tenant_id, source.id, 'lead', 'contact', to_jsonb(source), clock_timestamp())
  returning id into transition_id;
  return transition_id;
end
$$;

-- The opportunity takes the contact's id and refers to the contact.
create or replace function convert_contact_to_opportunity(contact_id uuid, name text, amount numeric default 0)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  source public.contacts;
  transition_id uuid;
begin
  select * into source
  from public.contacts c
  where c.id = convert_contact_to_opportunity.contact_id
  for update;
  if not found then
    raise exception 'no contact %', convert_contact_to_opportunity.contact_id
      using errcode = 'no_data_found';
  end if;

  insert into public.opportunities (id, tenant_id, account_id, contact_id, owner_id, name, amount)
  values (
    source.id, source.tenant_id, source.account_id, source.id, source.owner_id,
    convert_contact_to_opportunity.name, convert_contact_to_opportunity.amount
  );

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (source.tenant_id, source.id, 'contact', 'opportunity', to_jsonb(source), clock_timestamp())
  returning id into transition_id;
  return transition_id;
end
$$;

-- Takes back the latest conversion of an entity: the row it made goes, a lead gets its status back.
-- The way back is a transition too, so the history keeps both.
create or replace function revert_entity_transition(transition_id uuid)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  source public.entity_transitions;
  latest uuid;
  reversal_id uuid;
begin
  select * into source
  from public.entity_transitions t
  where t.id = revert_entity_transition.transition_id;
  if not found then
    raise exception 'no transition %', revert_entity_transition.transition_id
      using errcode = 'no_data_found';
  end if;
  select t.id into latest
  from public.entity_transitions t
  where t.entity_id = source.entity_id
    and not t.transition_data ? 'reverts'
    and not exists (
      select
      from public.entity_transitions reversal
      where reversal.entity_id = t.entity_id
        and reversal.transition_data ->> 'reverts' = t.id::text
    )
  order by t.created_at desc
  limit 1;
  if latest is null then
    raise exception 'transition % has been reverted already', source.id;
  elsif latest <> source.id then
    raise exception 'transition % is not the latest of its entity: revert % first', source.id, latest;
  end if;

  case source.from_type || ' to ' || source.to_type
    when 'lead to contact' then
      delete from public.contacts c where c.id = source.entity_id;
      update public.leads l
      set status = source.transition_data ->> 'status'
      where l.id = source.entity_id;
    when 'contact to opportunity' then
      delete from public.opportunities o where o.id = source.entity_id;
    else
      raise exception 'a transition from % to % cannot be reverted', source.from_type, source.to_type;
  end case;

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (
    source.tenant_id, source.entity_id, source.to_type, source.from_type,
    jsonb_build_object('reverts', source.id), clock_timestamp()
  )
  returning id into reversal_id;
  return reversal_id;
end
$$;
