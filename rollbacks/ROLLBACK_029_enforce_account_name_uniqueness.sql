-- ============================================
-- Migration: ROLLBACK_029_enforce_account_name_uniqueness.sql
-- Description: Allow accounts of the same name in a tenant again
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 029_enforce_account_name_uniqueness.sql
-- ============================================

drop index if exists accounts_name_tenant_unique;
