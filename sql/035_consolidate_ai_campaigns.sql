-- ============================================
-- Migration: 035_consolidate_ai_campaigns.sql
-- Description: Merge recipients and analytics into ai_campaigns
-- Date: 2025-11-10
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 023_comprehensive_rls_security.sql, 031_create_ai_campaigns.sql
-- Rollback: ROLLBACK_035_consolidate_ai_campaigns.sql
-- ============================================
--
-- Breaking Changes:
-- - Recipients and results are read from ai_campaigns
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - ai_campaigns: target_contacts, performance_metrics
--
-- Indexes Added:
-- - None

set local client_min_messages = warning;

alter table ai_campaigns
  add column if not exists target_contacts jsonb not null default '[]',
  add column if not exists performance_metrics jsonb not null default '{}';

alter table ai_campaigns
  drop constraint if exists ai_campaigns_target_contacts_check,
  add constraint ai_campaigns_target_contacts_check
    check (jsonb_typeof(target_contacts) = 'array'),
  drop constraint if exists ai_campaigns_performance_metrics_check,
  add constraint ai_campaigns_performance_metrics_check
    check (jsonb_typeof(performance_metrics) = 'object'),
  drop constraint if exists ai_campaigns_metadata_check,
  add constraint ai_campaigns_metadata_check
    check (
      jsonb_typeof(metadata) = 'object'
      and (not metadata ? 'campaign_type' or metadata ->> 'campaign_type' in ('call', 'email', 'sequence'))
    );

-- Each recipient keeps its id and times in the item, each result its times among the metrics, so that
-- 036 can drop the tables and its rollback can fill them again.
do $$
begin
  if to_regclass('campaign_recipients') is null then
    return;
  end if;
  perform lift_forced_rls('ai_campaigns', 'campaign_recipients', 'campaign_analytics');
  alter table ai_campaigns disable trigger user;

  update ai_campaigns c
  set target_contacts = items.list
  from (
    select
      r.campaign_id,
      jsonb_agg(jsonb_strip_nulls(to_jsonb(r) - 'campaign_id' - 'tenant_id') order by r.created_at, r.id) as list
    from campaign_recipients r
    group by r.campaign_id
  ) items
  where items.campaign_id = c.id;

  update ai_campaigns c
  set performance_metrics = jsonb_strip_nulls(to_jsonb(a) - 'campaign_id' - 'tenant_id')
  from campaign_analytics a
  where a.campaign_id = c.id;

  alter table ai_campaigns enable trigger user;
  perform restore_forced_rls();
end
$$;
