-- ============================================
-- Migration: ROLLBACK_035_consolidate_ai_campaigns.sql
-- Description: Remove the recipients and analytics that 035 copied into ai_campaigns
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 035_consolidate_ai_campaigns.sql
-- ============================================

-- The tables they were copied from are still there at this point.
alter table ai_campaigns
  drop constraint if exists ai_campaigns_metadata_check,
  drop column if exists target_contacts,
  drop column if exists performance_metrics;
