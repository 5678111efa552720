-- ============================================
-- Migration: 036_cleanup_ai_campaign_residue.sql
-- Description: Remove the campaign tables that 035 made obsolete
-- Date: 2025-11-11
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 031_create_ai_campaigns.sql, 035_consolidate_ai_campaigns.sql
-- Rollback: ROLLBACK_036_cleanup_ai_campaign_residue.sql
-- ============================================
--
-- Breaking Changes:
-- - campaign_recipients and campaign_analytics no longer exist
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - ai_campaigns: takes in what was written to the old tables since 035
--
-- Indexes Added:
-- - None

do $$
declare
  missing text;
begin
  if to_regclass('campaign_recipients') is null then
    return;
  end if;
  perform lift_forced_rls('ai_campaigns', 'campaign_recipients', 'campaign_analytics');
  alter table ai_campaigns disable trigger user;

  -- Between 035 and now the application may have added recipients to the old table.
  update ai_campaigns c
  set target_contacts = c.target_contacts || items.list
  from (
    select
      r.campaign_id,
      jsonb_agg(jsonb_strip_nulls(to_jsonb(r) - 'campaign_id' - 'tenant_id') order by r.created_at, r.id) as list
    from campaign_recipients r
    join ai_campaigns own on own.id = r.campaign_id
    where not own.target_contacts @> jsonb_build_array(jsonb_build_object('id', r.id))
    group by r.campaign_id
  ) items
  where items.campaign_id = c.id;

  update ai_campaigns c
  set performance_metrics = jsonb_strip_nulls(to_jsonb(a) - 'campaign_id' - 'tenant_id')
  from campaign_analytics a
  where a.campaign_id = c.id
    and c.performance_metrics = '{}';

  select string_agg(r.id::text, ', ')
  into missing
  from campaign_recipients r
  join ai_campaigns c on c.id = r.campaign_id
  where not c.target_contacts @> jsonb_build_array(jsonb_build_object('id', r.id));
  if missing is not null then
    raise exception 'recipients that did not reach their campaign: %', missing;
  end if;

  alter table ai_campaigns enable trigger user;
  perform restore_forced_rls();

  drop table campaign_recipients;
  drop table campaign_analytics;
end
$$;
