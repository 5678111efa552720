-- ============================================
-- Migration: 029_enforce_account_name_uniqueness.sql
-- Description: Prevent duplicate account names within a tenant
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_029_enforce_account_name_uniqueness.sql
-- ============================================
--
-- Breaking Changes:
-- - A second account of the same name in a tenant is refused, whatever its case
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - accounts_name_tenant_unique

-- The index alone would name one duplicate only. Which account to keep is not for a migration to say.
do $$
declare
  duplicates text;
begin
  perform lift_forced_rls('accounts');
  select string_agg(format('tenant %s: %s (%s times)', tenant_id, name, copies), E'\n' order by tenant_id, name)
  into duplicates
  from (
    select tenant_id::text, lower(name) as name, count(*) as copies
    from accounts
    group by tenant_id, lower(name)
    having count(*) > 1
  ) repeated;
  perform restore_forced_rls();

  if duplicates is not null then
    raise exception E'account names that are not unique in their tenant:\n%', duplicates
      using hint = 'Rename or merge these accounts, then apply the migration again.';
  end if;
end
$$;

create unique index if not exists accounts_name_tenant_unique on accounts (lower(name), tenant_id);
