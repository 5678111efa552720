-- ============================================
-- Migration: ROLLBACK_026_create_test_user.sql
-- Description: Remove the test user
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 026_create_test_user.sql
-- ============================================

do $$
begin
  perform lift_forced_rls('users');
  delete from users
  where id = 'd0000000-0000-4000-8000-000000000003'
    and email = 'test@example.com';
  perform restore_forced_rls();
end
$$;
