-- ============================================
-- Migration: ROLLBACK_010_multiple_additions.sql
-- Description: Remove accounts.revenue, leads.created_date and users.role
-- Date: 2025-03-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 010_multiple_additions.sql
-- ============================================

alter table accounts
  drop column if exists revenue;
alter table leads
  drop column if exists created_date;
alter table users
  drop column if exists role;
