-- ============================================
-- Migration: ROLLBACK_015_add_job_title_to_leads.sql
-- Description: Remove leads.job_title
-- Date: 2025-03-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 015_add_job_title_to_leads.sql
-- ============================================

alter table leads
  drop column if exists job_title;
