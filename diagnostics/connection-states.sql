-- Title: Who is connected
-- Category: connections
-- Needs:
-- - role pg_read_all_stats
-- Table:
-- - state as State
-- - role as Role
-- - application as Application
-- - sessions:count as Sessions
-- - longest:duration as Longest in it
-- Chart: Sessions by state: sessions:count by state
-- Why: Sessions of this database by state, role and application, and how long the one that has been in its state longest
--   has been so.
-- Manual: 9.3, 11.2

select
  coalesce(state, backend_type) as state,
  usename::text as role,
  coalesce(nullif(application_name, ''), '(no name)') as application,
  count(*) as sessions,
  max(extract(epoch from clock_timestamp() - state_change)::float8) as longest
from pg_stat_activity
where datname = current_database()
  and pid <> pg_backend_pid()
group by 1, 2, 3
order by sessions desc, state, role, application
limit 50;
