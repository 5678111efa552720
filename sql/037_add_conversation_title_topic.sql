-- ============================================
-- Migration: 037_add_conversation_title_topic.sql
-- Description: Give conversations a title and a topic
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 014_conversations.sql
-- Rollback: ROLLBACK_037_add_conversation_title_topic.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - conversations: title, topic
--
-- Indexes Added:
-- - idx_conversations_topic

alter table conversations
  add column if not exists title varchar(255),
  add column if not exists topic varchar(255);

create index if not exists idx_conversations_topic on conversations (topic);
