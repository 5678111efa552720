-- ============================================
-- Migration: 042_fix_entity_transitions_tenant_id_type.sql
-- Description: Change entity_transitions.tenant_id from the slug to the tenant's UUID
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 023_comprehensive_rls_security.sql, 033_entity_lifecycle_with_id_preservation.sql
-- Rollback: ROLLBACK_042_fix_entity_transitions_tenant_id_type.sql
-- ============================================
--
-- Breaking Changes:
-- - entity_transitions.tenant_id holds the UUID of the tenant
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - entity_transitions: tenant_id
--
-- Indexes Added:
-- - None

-- The tenant that a slug or the text of a UUID stands for. Null when there is none; an error when the
-- slug of one tenant is the UUID of another.
create or replace function resolve_tenant_id(identifier text)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  found uuid[];
begin
  select array_agg(t.id)
  into found
  from public.tenant t
  where t.tenant_id = identifier
     or t.id = public.try_uuid(identifier);
  if cardinality(found) > 1 then
    raise exception 'the tenant identifier "%" is ambiguous: %', identifier, found
      using errcode = 'cardinality_violation';
  end if;
  return found[1];
end
$$;

-- The slug of a tenant, for display.
create or replace function tenant_slug(tenant_uuid uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select t.tenant_id
  from public.tenant t
  where t.id = tenant_uuid
$$;

do $$
declare
  strangers text;
begin
  if (
    select atttypid
    from pg_attribute
    where attrelid = 'entity_transitions'::regclass and attname = 'tenant_id'
  ) = 'uuid'::regtype then
    return;
  end if;

  perform lift_forced_rls('tenant', 'entity_transitions');

  select string_agg(distinct quote_literal(tenant_id), ', ')
  into strangers
  from entity_transitions
  where resolve_tenant_id(tenant_id) is null;
  if strangers is not null then
    raise exception 'entity_transitions has tenant_id without a tenant: %', strangers
      using hint = 'Create these tenants or correct the rows, then apply the migration again.';
  end if;

  -- A policy holds on to the type of the column: it goes, and comes back for the new type.
  drop policy tenant_isolation on entity_transitions;
  alter table entity_transitions
    alter column tenant_id type uuid using resolve_tenant_id(tenant_id);
  alter table entity_transitions
    add constraint fk_entity_transitions_tenant
    foreign key (tenant_id) references tenant (id) on delete cascade;
  perform apply_tenant_rls('entity_transitions');

  perform restore_forced_rls();
end
$$;

-- Until 052 a lead or contact holds the slug where its transition holds the UUID.

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
  values (
    public.resolve_tenant_id(source.tenant_id::text), source.id, 'lead', 'contact',
    to_jsonb(source), clock_timestamp()
  )
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
  values (
    public.resolve_tenant_id(source.tenant_id::text), source.id, 'contact', 'opportunity',
    to_jsonb(source), clock_timestamp()
  )
  returning id into transition_id;
  return transition_id;
end
$$;
