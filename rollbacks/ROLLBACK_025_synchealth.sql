-- ============================================
-- Migration: ROLLBACK_025_synchealth.sql
-- Description: Drop sync_health with all its rows
-- Date: 2025-11-07
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 025_synchealth.sql
-- ============================================

drop table if exists sync_health;
