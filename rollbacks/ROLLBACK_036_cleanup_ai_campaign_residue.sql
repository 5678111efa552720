-- ============================================
-- Migration: ROLLBACK_036_cleanup_ai_campaign_residue.sql
-- Description: Bring the campaign tables back, filled from ai_campaigns
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 036_cleanup_ai_campaign_residue.sql
-- ============================================

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

create index if not exists idx_campaign_recipients_tenant_id on campaign_recipients (tenant_id);
create index if not exists idx_campaign_recipients_campaign_id on campaign_recipients (campaign_id);
create index if not exists idx_campaign_recipients_contact_id on campaign_recipients (contact_id);
create index if not exists idx_campaign_analytics_tenant_id on campaign_analytics (tenant_id);

do $$
declare
  target text;
begin
  foreach target in array array['campaign_recipients', 'campaign_analytics']
  loop
    execute format(
      'create or replace trigger %I before update on %I for each row execute function update_updated_at()',
      target || '_updated_at', target
    );
    perform apply_tenant_rls(target);
  end loop;
  perform apply_tenant_checks();

  perform lift_forced_rls('ai_campaigns', 'campaign_recipients', 'campaign_analytics', 'contacts');

  -- A contact deleted since is gone from its recipient too, as the foreign key would have had it.
  insert into campaign_recipients (
    id, tenant_id, campaign_id, contact_id, contact_name, email, phone, company,
    scheduled_date, scheduled_time, status, outcome, created_at, updated_at
  )
  select
    coalesce(r.id, gen_random_uuid()), c.tenant_id, c.id,
    (select contact.id from contacts contact where contact.id = r.contact_id),
    r.contact_name, r.email, r.phone, r.company,
    r.scheduled_date, r.scheduled_time, coalesce(r.status, 'pending'), r.outcome,
    coalesce(r.created_at, c.created_at), coalesce(r.updated_at, c.updated_at)
  from ai_campaigns c
  cross join lateral jsonb_to_recordset(c.target_contacts) as r (
    id uuid, contact_id uuid, contact_name text, email text, phone text, company text,
    scheduled_date date, scheduled_time time, status text, outcome text,
    created_at timestamptz, updated_at timestamptz
  )
  on conflict (id) do nothing;

  insert into campaign_analytics (
    campaign_id, tenant_id, total_calls, successful_calls, failed_calls, average_duration,
    appointments_set, leads_qualified, created_at, updated_at
  )
  select
    c.id, c.tenant_id, m.total_calls, m.successful_calls, m.failed_calls, m.average_duration,
    m.appointments_set, m.leads_qualified,
    coalesce(m.created_at, c.created_at), coalesce(m.updated_at, c.updated_at)
  from ai_campaigns c
  cross join lateral jsonb_to_record(c.performance_metrics) as m (
    total_calls integer, successful_calls integer, failed_calls integer, average_duration numeric(12, 3),
    appointments_set integer, leads_qualified integer, created_at timestamptz, updated_at timestamptz
  )
  where c.performance_metrics <> '{}'
  on conflict (campaign_id) do nothing;

  perform restore_forced_rls();
end
$$;
