-- ============================================
-- Migration: 025_add_foreign_key_indexes.sql
-- Description: Index every reference to another table
-- Date: 2025-11-07
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 007_crud_enhancements.sql, 009_complete_schema.sql, 012_extend_activities_fields.sql
-- Rollback: ROLLBACK_025_add_foreign_key_indexes.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_accounts_owner_id
-- - idx_contacts_account_id
-- - idx_contacts_owner_id
-- - idx_leads_owner_id
-- - idx_opportunities_account_id
-- - idx_opportunities_contact_id
-- - idx_opportunities_owner_id
-- - idx_activities_owner_id
-- - idx_activities_assigned_to
-- - idx_activities_related_id
-- - idx_cash_flow_account_id
-- - idx_documents_uploaded_by
-- - idx_notes_created_by
-- - idx_workflow_execution_workflow_id
-- - idx_notifications_user_email
-- - idx_audit_log_record_id

create index if not exists idx_accounts_owner_id on accounts (owner_id);
create index if not exists idx_contacts_account_id on contacts (account_id);
create index if not exists idx_contacts_owner_id on contacts (owner_id);
create index if not exists idx_leads_owner_id on leads (owner_id);
create index if not exists idx_opportunities_account_id on opportunities (account_id);
create index if not exists idx_opportunities_contact_id on opportunities (contact_id);
create index if not exists idx_opportunities_owner_id on opportunities (owner_id);
create index if not exists idx_activities_owner_id on activities (owner_id);
create index if not exists idx_activities_assigned_to on activities (assigned_to);
create index if not exists idx_activities_related_id on activities (related_id);
create index if not exists idx_cash_flow_account_id on cash_flow (account_id);
create index if not exists idx_documents_uploaded_by on documents (uploaded_by);
create index if not exists idx_notes_created_by on notes (created_by);
create index if not exists idx_workflow_execution_workflow_id on workflow_execution (workflow_id);
create index if not exists idx_notifications_user_email on notifications (user_email);
create index if not exists idx_audit_log_record_id on audit_log (record_id);
