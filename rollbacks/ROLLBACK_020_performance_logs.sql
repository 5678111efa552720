-- ============================================
-- Migration: ROLLBACK_020_performance_logs.sql
-- Description: Drop performance_logs with all its rows
-- Date: 2025-04-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 020_performance_logs.sql
-- ============================================

drop table if exists performance_logs;
