-- ============================================
-- Migration: ROLLBACK_020_enforce_email_uniqueness.sql
-- Description: Allow the same e-mail address in users and employees again
-- Date: 2025-04-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 020_enforce_email_uniqueness.sql
-- ============================================

drop trigger if exists users_email_uniqueness on users;
drop trigger if exists employees_email_uniqueness on employees;
drop function if exists check_email_uniqueness();

drop index if exists users_email_unique;
drop index if exists employees_email_unique;

alter table users
  drop constraint if exists users_email_key,
  add constraint users_email_key unique (email);
