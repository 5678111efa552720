-- Title: The database fits its Supabase tier
-- Category: capacity
-- Thresholds:
-- - info: percent >= 60
-- - warning: percent >= 80
-- - critical: percent >= 95
-- Metric: percent:percent
-- Message: {object} takes {used:bytes}, {percent:percent} of the {allowed:bytes} of the tier {tier}
-- Remediation: Remove what is not needed (aisha-db bloat, aisha-db diagnose table-sizes), or move to the next tier.
-- Table:
-- - tier as Tier
-- - used:bytes as Size
-- - allowed:bytes as Allowed
-- - percent:percent as Used
-- Why: Above its size a project of Supabase becomes read-only. The tier is told by: alter database NAME set aisha_db.tier =
--   'free' (or pro, team). Without it a project's number of connections tells: 60, 100 or 200. Other servers have no tier.
-- Manual: 9.1, 12.5

with tiers(tier, size, connections) as (
  values
    ('free', 500::bigint * 1024 * 1024, 60),
    ('pro', 8::bigint * 1024 * 1024 * 1024, 100),
    ('team', 100::bigint * 1024 * 1024 * 1024, 200)
),
known as (
  select t.tier, t.size
  from (select nullif(current_setting('aisha_db.tier', true), '') as name) told
  join tiers t
    on t.tier = lower(told.name)
    or told.name is null
      and t.connections = current_setting('max_connections')::integer
      and exists (select from pg_roles where rolname = 'supabase_admin')
)
select
  'the database' as object,
  known.tier,
  used.size as used,
  known.size as allowed,
  100.0 * used.size / known.size as percent,
  case
    when known.tier is null
      then 'no tier of Supabase is known for this database; alter database ... set aisha_db.tier = ''pro''; tells it'
  end as not_applicable
from (select pg_database_size(current_database()) as size) used
left join known on true;
