-- ============================================
-- Migration: ROLLBACK_033_entity_lifecycle_with_id_preservation.sql
-- Description: Drop the history of conversions and the functions that convert
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 033_entity_lifecycle_with_id_preservation.sql
-- ============================================

drop function if exists revert_entity_transition(uuid);
drop function if exists convert_contact_to_opportunity(uuid, text, numeric);
drop function if exists convert_lead_to_contact(uuid, uuid);

drop table if exists entity_transitions;
