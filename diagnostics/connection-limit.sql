-- Title: There is room for more connections
-- Category: connections
-- Thresholds:
-- - warning: percent >= 75
-- - critical: percent >= 90
-- Metric: percent:percent
-- Message: {used:count} of {allowed:count} connections of {object} are in use ({percent:percent})
-- Remediation: See who holds them with aisha-db connections; connect through a pooler, lower the pools of applications,
--   or end idle sessions with aisha-db connections --kill-idle 10m.
-- Table:
-- - object as Limit of
-- - used:count as Used
-- - allowed:count as Allowed
-- - percent:percent as Used
-- Why: Whoever comes when all connections are taken is refused. What superusers keep for themselves is not counted as
--   room. Databases and roles may have limits of their own.
-- Manual: 9.3, 11.2

with sessions as (
  select datid, usesysid
  from pg_stat_activity
  where datid is not null and usesysid is not null
)
select object, used, allowed, 100.0 * used / greatest(allowed, 1) as percent
from (
  select
    'the server' as object,
    (select count(*) from sessions) as used,
    current_setting('max_connections')::integer
      - current_setting('superuser_reserved_connections')::integer
      - coalesce(current_setting('reserved_connections', true)::integer, 0) as allowed
  union all
  select format('database %I', d.datname), count(s.datid), d.datconnlimit
  from pg_database d
  left join sessions s on s.datid = d.oid
  where d.datconnlimit >= 0 and d.datallowconn
  group by d.oid, d.datname, d.datconnlimit
  union all
  select format('role %I', r.rolname), count(s.usesysid), r.rolconnlimit
  from pg_roles r
  left join sessions s on s.usesysid = r.oid
  where r.rolconnlimit >= 0 and r.rolcanlogin
  group by r.oid, r.rolname, r.rolconnlimit
) limits
order by percent desc, object;
