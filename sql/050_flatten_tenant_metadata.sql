-- ============================================
-- Migration: 050_flatten_tenant_metadata.sql
-- Description: Move plan, status and settings of a tenant from metadata to columns
-- Date: 2025-11-12
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_050_flatten_tenant_metadata.sql
-- ============================================
--
-- Breaking Changes:
-- - metadata no longer holds plan, status and settings
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - tenant: plan, status, settings
--
-- Indexes Added:
-- - idx_tenant_status

alter table tenant
  add column if not exists plan varchar(50),
  add column if not exists status varchar(50),
  add column if not exists settings jsonb;

-- A tenant whose metadata lacked a value gets the default. Which ones did is noted in metadata under
-- defaulted_by_050, so that the rollback gives metadata back as it was.
do $$
begin
  perform lift_forced_rls('tenant');
  alter table tenant disable trigger user;

  update tenant
  set
    plan = coalesce(plan, metadata ->> 'plan', 'free'),
    status = coalesce(status, metadata ->> 'status', 'active'),
    settings = coalesce(settings, nullif(metadata -> 'settings', 'null'), '{}'),
    metadata = case
      when metadata ?& array['plan', 'status', 'settings'] then metadata - array['plan', 'status', 'settings']
      when plan is null or status is null or settings is null then
        (coalesce(metadata, '{}') - array['plan', 'status', 'settings']) || jsonb_build_object(
          'defaulted_by_050', (
            select jsonb_agg(field)
            from unnest(array['plan', 'status', 'settings', 'metadata']) field
            where case field
              when 'metadata' then metadata is null
              else not coalesce(metadata, '{}') ? field
            end
          )
        )
      else metadata - array['plan', 'status', 'settings']
    end
  where plan is null
     or status is null
     or settings is null
     or metadata ?| array['plan', 'status', 'settings'];

  alter table tenant enable trigger user;
  perform restore_forced_rls();
end
$$;

alter table tenant
  alter column plan set default 'free',
  alter column plan set not null,
  alter column status set default 'active',
  alter column status set not null,
  alter column settings set default '{}',
  alter column settings set not null;

create index if not exists idx_tenant_status on tenant (status);
