-- ============================================
-- Migration: ROLLBACK_025_add_foreign_key_indexes.sql
-- Description: Drop the indexes on references
-- Date: 2025-11-07
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 025_add_foreign_key_indexes.sql
-- ============================================

drop index if exists
  idx_accounts_owner_id,
  idx_contacts_account_id,
  idx_contacts_owner_id,
  idx_leads_owner_id,
  idx_opportunities_account_id,
  idx_opportunities_contact_id,
  idx_opportunities_owner_id,
  idx_activities_owner_id,
  idx_activities_assigned_to,
  idx_activities_related_id,
  idx_cash_flow_account_id,
  idx_documents_uploaded_by,
  idx_notes_created_by,
  idx_workflow_execution_workflow_id,
  idx_notifications_user_email,
  idx_audit_log_record_id;
