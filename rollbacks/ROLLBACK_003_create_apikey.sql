-- ============================================
-- Migration: ROLLBACK_003_create_apikey.sql
-- Description: Drop api_key with all keys
-- Date: 2025-01-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 003_create_apikey.sql
-- ============================================

drop table if exists api_key;
