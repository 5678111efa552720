-- ============================================
-- Migration: ROLLBACK_042_fix_entity_transitions_tenant_id_type.sql
-- Description: Return entity_transitions.tenant_id to the slug
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 042_fix_entity_transitions_tenant_id_type.sql
-- ============================================

do $$
begin
  if (
    select atttypid
    from pg_attribute
    where attrelid = 'entity_transitions'::regclass and attname = 'tenant_id'
  ) <> 'uuid'::regtype then
    return;
  end if;

  perform lift_forced_rls('tenant', 'entity_transitions');

  drop policy tenant_isolation on entity_transitions;
  alter table entity_transitions
    drop constraint fk_entity_transitions_tenant;
  alter table entity_transitions
    alter column tenant_id type text using tenant_slug(tenant_id);
  perform apply_tenant_rls('entity_transitions');

  perform restore_forced_rls();
end
$$;

drop function if exists tenant_slug(uuid);
drop function if exists resolve_tenant_id(text);

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
