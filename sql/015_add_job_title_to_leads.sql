-- ============================================
-- Migration: 015_add_job_title_to_leads.sql
-- Description: Capture the job title for lead qualification
-- Date: 2025-03-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql
-- Rollback: ROLLBACK_015_add_job_title_to_leads.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - leads: job_title
--
-- Indexes Added:
-- - None

alter table leads
  add column if not exists job_title varchar(255);
