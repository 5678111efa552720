-- ============================================
-- Migration: ROLLBACK_006_tenant_table.sql
-- Description: Drop tenant with all its rows
-- Date: 2025-02-05
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 006_tenant_table.sql
-- ============================================

alter table api_key
  drop constraint if exists fk_api_key_tenant;

drop table if exists tenant;
