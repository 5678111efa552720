-- ============================================
-- Migration: 006_tenant_table.sql
-- Description: Make the tenant a formal entity
-- Date: 2025-02-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 002_seed.sql, 003_create_apikey.sql
-- Rollback: ROLLBACK_006_tenant_table.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - tenant: Organizations; plan and status live in metadata until 050
--
-- Modified Tables:
-- - api_key: foreign key to tenant(id)
--
-- Indexes Added:
-- - tenant_tenant_id_unique

-- tenant.tenant_id is the slug that the text columns tenant_id of the other tables hold.
-- 052 renames it to slug and turns those columns into references to tenant(id).
create table if not exists tenant (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null constraint tenant_tenant_id_unique unique,
  name varchar(255) not null,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

-- Keys made before there were tenants are kept: the foreign key binds new rows at once
-- and is validated here only when every old row has its tenant, by 052 at the latest.
do $$
begin
  if not exists (
    select from pg_constraint
    where conrelid = 'api_key'::regclass and conname = 'fk_api_key_tenant'
  ) then
    alter table api_key
      add constraint fk_api_key_tenant
      foreign key (tenant_id) references tenant (id) on delete cascade not valid;
  end if;

  if not exists (
    select from api_key k
    where not exists (select from tenant t where t.id = k.tenant_id)
  ) then
    alter table api_key validate constraint fk_api_key_tenant;
  end if;

  -- The tenant of the rows that 002 seeds.
  if coalesce(current_setting('aisha.seed', true), '') = 'on' then
    insert into tenant (id, tenant_id, name, metadata)
    values (
      'd0000000-0000-4000-8000-000000000002', 'demo', 'Demo Company',
      '{"plan": "free", "status": "active", "settings": {}}'
    )
    on conflict do nothing;
  end if;
end
$$;
