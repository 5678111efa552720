-- ============================================
-- Migration: ROLLBACK_001_init.sql
-- Description: Drop the core schema with all its rows
-- Date: 2025-01-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 001_init.sql
-- ============================================

drop table if exists
  system_logs,
  notifications,
  activities,
  opportunities,
  leads,
  contacts,
  accounts,
  employees,
  users;

-- The extension goes only where 001 created it.
do $$
begin
  if exists (
    select from pg_extension
    where extname = 'pgcrypto'
      and obj_description(oid, 'pg_extension') like '%(created by 001_init.sql)'
  ) then
    drop extension pgcrypto;
  end if;
end
$$;
