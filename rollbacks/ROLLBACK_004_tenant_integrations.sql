-- ============================================
-- Migration: ROLLBACK_004_tenant_integrations.sql
-- Description: Drop tenant_integrations with all its rows
-- Date: 2025-01-25
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 004_tenant_integrations.sql
-- ============================================

drop table if exists tenant_integrations;
