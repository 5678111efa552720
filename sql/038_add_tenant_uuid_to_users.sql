-- ============================================
-- Migration: 038_add_tenant_uuid_to_users.sql
-- Description: Give users a reference to tenant(id) beside the slug
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 012_add_tenant_id_to_users.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_038_add_tenant_uuid_to_users.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: tenant_uuid, until 052
--
-- Indexes Added:
-- - idx_users_tenant_uuid

alter table users
  add column if not exists tenant_uuid uuid
    constraint fk_users_tenant_uuid references tenant (id) on delete cascade;

create index if not exists idx_users_tenant_uuid on users (tenant_uuid);

-- A slug without a tenant leaves the reference empty; 052 will not go on until it has one.
do $$
begin
  perform lift_forced_rls('users', 'tenant');
  alter table users disable trigger user;

  update users
  set tenant_uuid = (
    select t.id
    from tenant t
    where users.tenant_id in (t.tenant_id, t.id::text)
    order by t.tenant_id = users.tenant_id desc
    limit 1
  )
  where tenant_id is not null
    and tenant_uuid is null;

  alter table users enable trigger user;
  perform restore_forced_rls();
end
$$;
