-- ============================================
-- Migration: ROLLBACK_037_add_conversation_title_topic.sql
-- Description: Remove title and topic of conversations
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 037_add_conversation_title_topic.sql
-- ============================================

alter table conversations
  drop column if exists title,
  drop column if exists topic;
