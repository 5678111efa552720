-- ============================================
-- Migration: ROLLBACK_027_create_superadmin_user.sql
-- Description: Remove the superadmin account that 027 created
-- Date: 2025-11-08
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 027_create_superadmin_user.sql
-- ============================================

-- Known by its fixed id: an account that had the address before is not touched.
do $$
begin
  perform lift_forced_rls('users');
  delete from users
  where id = 'd0000000-0000-4000-8000-000000000004'
    and email = 'admin@aishacrm.com';
  perform restore_forced_rls();
end
$$;
