-- ============================================
-- Migration: ROLLBACK_014_conversations.sql
-- Description: Drop the conversations with all their messages
-- Date: 2025-03-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 014_conversations.sql
-- ============================================

drop table if exists conversation_messages;
drop table if exists conversations;
