-- ============================================
-- Migration: 013_allow_null_tenant_id.sql
-- Description: Support global users (superadmins) without a tenant
-- Date: 2025-03-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 012_add_tenant_id_to_users.sql
-- Rollback: ROLLBACK_013_allow_null_tenant_id.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: tenant_id may be null; policies
--
-- Indexes Added:
-- - None

-- "system" stood for "no tenant". It goes on meaning a tenant where there is one of that slug.
do $$
begin
  perform set_config('client_min_messages', 'warning', true);

  if exists (
    select from pg_attribute
    where attrelid = 'users'::regclass and attname = 'tenant_id' and attnotnull
  ) then
    alter table users
      alter column tenant_id drop not null,
      alter column tenant_id drop default;

    alter table users disable trigger user;
    update users
    set tenant_id = null
    where tenant_id = 'system'
      and not exists (select from tenant where tenant.tenant_id = 'system');
    alter table users enable trigger user;
  end if;

  -- A global account is seen by the user it belongs to; a tenant never sees it.
  drop policy if exists tenant_isolation on users;
  create policy tenant_isolation on users for all
    using (
      tenant_id = (select nullif(current_setting('app.current_tenant_id', true), ''))
      or (
        tenant_id is null
        and lower(email) = (select lower(nullif(current_setting('app.current_user_email', true), '')))
      )
    )
    with check (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')));
end
$$;
