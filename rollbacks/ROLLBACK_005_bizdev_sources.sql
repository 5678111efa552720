-- ============================================
-- Migration: ROLLBACK_005_bizdev_sources.sql
-- Description: Drop bizdev_sources with all its rows
-- Date: 2025-02-01
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 005_bizdev_sources.sql
-- ============================================

drop table if exists bizdev_sources;
