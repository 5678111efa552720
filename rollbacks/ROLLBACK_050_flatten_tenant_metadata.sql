-- ============================================
-- Migration: ROLLBACK_050_flatten_tenant_metadata.sql
-- Description: Move plan, status and settings of a tenant back to metadata
-- Date: 2025-11-12
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 050_flatten_tenant_metadata.sql
-- ============================================

-- 1. Restore the fields. One that metadata did not have before 050 stays out, unless it was set since.
do $$
declare
  damaged text;
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'tenant'::regclass and attname = 'settings' and not attisdropped
  ) then
    return;
  end if;

  perform lift_forced_rls('tenant');
  alter table tenant disable trigger user;

  update tenant
  set metadata = nullif(
    (coalesce(metadata, '{}') - 'defaulted_by_050')
      || case
        when metadata -> 'defaulted_by_050' ? 'plan' and plan = 'free' then '{}'
        else jsonb_build_object('plan', plan)
      end
      || case
        when metadata -> 'defaulted_by_050' ? 'status' and status = 'active' then '{}'
        else jsonb_build_object('status', status)
      end
      || case
        when metadata -> 'defaulted_by_050' ? 'settings' and settings = '{}' then '{}'
        else jsonb_build_object('settings', settings)
      end,
    case when metadata -> 'defaulted_by_050' ? 'metadata' then '{}'::jsonb end
  );

  -- 2. Verify before anything is dropped.
  select string_agg(tenant_id, ', ')
  into damaged
  from tenant
  where coalesce(metadata ->> 'plan', 'free') <> plan
     or coalesce(metadata ->> 'status', 'active') <> status
     or coalesce(metadata -> 'settings', '{}') <> settings
     or metadata ? 'defaulted_by_050';
  if damaged is not null then
    raise exception 'tenants whose metadata does not hold their plan, status and settings: %', damaged;
  end if;

  alter table tenant enable trigger user;
  perform restore_forced_rls();
end
$$;

-- 3. Drop the columns.
alter table tenant
  drop column if exists plan,
  drop column if exists status,
  drop column if exists settings;
