-- ============================================
-- Migration: ROLLBACK_021_systembranding.sql
-- Description: Drop systembranding with all its rows
-- Date: 2025-04-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 021_systembranding.sql
-- ============================================

drop table if exists systembranding;
