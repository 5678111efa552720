-- ============================================
-- Migration: 026_create_test_user.sql
-- Description: Create the test user for development, only where the setting aisha.test_user is on
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 010_multiple_additions.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_026_create_test_user.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users: one account without a password
--
-- Indexes Added:
-- - None

-- Off by default. The address is one that sql/fixes/FIX_deactivate_test_admins.sql finds.
do $$
begin
  if coalesce(current_setting('aisha.test_user', true), '') <> 'on' then
    return;
  end if;

  perform lift_forced_rls('users', 'employees');
  insert into users (id, email, first_name, last_name, role)
  select 'd0000000-0000-4000-8000-000000000003', 'test@example.com', 'Test', 'User', 'user'
  where not exists (select from users where lower(email) = 'test@example.com')
    and not exists (select from employees where lower(email) = 'test@example.com');
  perform restore_forced_rls();
end
$$;
