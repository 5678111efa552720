-- ============================================
-- Migration: 031_create_ai_campaigns.sql
-- Description: Add AI-powered marketing campaigns
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 007_crud_enhancements.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_031_create_ai_campaigns.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - ai_campaigns: Campaign definitions
-- - campaign_recipients: Whom a campaign addresses, until 036
-- - campaign_analytics: Results of a campaign, until 036
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - idx_ai_campaigns_tenant_id
-- - idx_ai_campaigns_status
-- - idx_campaign_recipients_tenant_id
-- - idx_campaign_recipients_campaign_id
-- - idx_campaign_recipients_contact_id
-- - idx_campaign_analytics_tenant_id

create table if not exists ai_campaigns (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  name text not null,
  status text not null default 'draft'
    constraint ai_campaigns_status_check
    check (status in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')),
  description text,
  metadata jsonb not null default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists campaign_recipients (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  campaign_id uuid not null references ai_campaigns (id) on delete cascade,
  contact_id uuid references contacts (id) on delete set null,
  contact_name text,
  email text,
  phone text,
  company text,
  scheduled_date date,
  scheduled_time time,
  status text not null default 'pending',
  outcome text,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

-- One row per campaign, under the campaign's id.
create table if not exists campaign_analytics (
  campaign_id uuid primary key references ai_campaigns (id) on delete cascade,
  tenant_id text not null,
  total_calls integer,
  successful_calls integer,
  failed_calls integer,
  average_duration numeric(12, 3),
  appointments_set integer,
  leads_qualified integer,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create index if not exists idx_ai_campaigns_tenant_id on ai_campaigns (tenant_id);
create index if not exists idx_ai_campaigns_status on ai_campaigns (status);
create index if not exists idx_campaign_recipients_tenant_id on campaign_recipients (tenant_id);
create index if not exists idx_campaign_recipients_campaign_id on campaign_recipients (campaign_id);
create index if not exists idx_campaign_recipients_contact_id on campaign_recipients (contact_id);
create index if not exists idx_campaign_analytics_tenant_id on campaign_analytics (tenant_id);

do $$
declare
  target text;
begin
  foreach target in array array['ai_campaigns', 'campaign_recipients', 'campaign_analytics']
  loop
    execute format(
      'create or replace trigger %I before update on %I for each row execute function update_updated_at()',
      target || '_updated_at', target
    );
    perform apply_tenant_rls(target);
  end loop;
  perform apply_tenant_checks();
end
$$;
