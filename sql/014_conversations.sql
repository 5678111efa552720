-- ============================================
-- Migration: 014_conversations.sql
-- Description: Track conversations with the AI assistant
-- Date: 2025-03-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 006_tenant_table.sql, 007_crud_enhancements.sql, 011_enable_rls.sql
-- Rollback: ROLLBACK_014_conversations.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - conversations: AI chat threads
-- - conversation_messages: Individual messages
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_conversations_tenant_id
-- - idx_conversation_messages_tenant_id
-- - idx_conversation_messages_conversation_id

create table if not exists conversations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null
    constraint fk_conversations_tenant references tenant (id) on delete cascade,
  user_email varchar(255),
  status varchar(50) default 'active',
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists conversation_messages (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null
    constraint fk_conversation_messages_tenant references tenant (id) on delete cascade,
  conversation_id uuid not null references conversations (id) on delete cascade,
  role varchar(50) not null
    constraint conversation_messages_role_check check (role::text in ('user', 'assistant', 'system', 'tool')),
  content text not null,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create index if not exists idx_conversations_tenant_id on conversations (tenant_id);
create index if not exists idx_conversation_messages_tenant_id on conversation_messages (tenant_id);
create index if not exists idx_conversation_messages_conversation_id on conversation_messages (conversation_id);

create or replace trigger conversations_updated_at
  before update on conversations
  for each row execute function update_updated_at();

do $$
begin
  perform apply_tenant_rls('conversations');
  perform apply_tenant_rls('conversation_messages');
  perform apply_tenant_checks();
end
$$;
