-- ============================================
-- Migration: ROLLBACK_013_tighten_data_types.sql
-- Description: Allow the wider types and values again
-- Date: 2025-03-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 013_tighten_data_types.sql
-- ============================================

alter table leads
  drop constraint if exists leads_status_check,
  alter column phone type text,
  alter column status type varchar(255);
alter table opportunities
  drop constraint if exists opportunities_amount_check,
  drop constraint if exists opportunities_probability_check,
  alter column stage type varchar(255);
alter table documents
  drop constraint if exists documents_size_bytes_check;
alter table api_key
  drop constraint if exists api_key_rate_limit_per_minute_check;
alter table users
  alter column role type varchar(255),
  alter column status type varchar(255);
alter table employees
  alter column role type varchar(255),
  alter column status type varchar(255);
alter table contacts
  alter column phone type text;
alter table activities
  alter column type type varchar(255),
  alter column subject type text,
  alter column related_type type varchar(255);
alter table notifications
  alter column user_email type text,
  alter column title type text,
  alter column type type varchar(255);
alter table system_logs
  alter column level type varchar(255),
  alter column source type text;
