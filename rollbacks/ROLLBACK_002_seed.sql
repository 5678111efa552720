-- ============================================
-- Migration: ROLLBACK_002_seed.sql
-- Description: Remove the demonstration rows and no others
-- Date: 2025-01-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 002_seed.sql
-- ============================================

-- Known by the fixed ids they were seeded with.
delete from activities where id = 'd0000000-0000-4000-8000-000000000061';
delete from opportunities where id = 'd0000000-0000-4000-8000-000000000051';
delete from leads
where id in ('d0000000-0000-4000-8000-000000000041', 'd0000000-0000-4000-8000-000000000042');
delete from contacts
where id in ('d0000000-0000-4000-8000-000000000031', 'd0000000-0000-4000-8000-000000000032');
delete from accounts
where id in ('d0000000-0000-4000-8000-000000000021', 'd0000000-0000-4000-8000-000000000022');
delete from employees
where id in ('d0000000-0000-4000-8000-000000000011', 'd0000000-0000-4000-8000-000000000012');
delete from users where id = 'd0000000-0000-4000-8000-000000000001';
