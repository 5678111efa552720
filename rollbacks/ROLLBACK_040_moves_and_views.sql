-- ============================================
-- Migration: ROLLBACK_040_moves_and_views.sql
-- Description: Drop the views
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 040_moves_and_views.sql
-- ============================================

drop view if exists v_activity_calendar;
drop view if exists v_opportunity_pipeline;
drop view if exists v_contact_full;
