-- ============================================
-- Migration: ROLLBACK_031_create_ai_campaigns.sql
-- Description: Drop the campaigns with all their rows
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 031_create_ai_campaigns.sql
-- ============================================

drop table if exists
  campaign_analytics,
  campaign_recipients,
  ai_campaigns;
