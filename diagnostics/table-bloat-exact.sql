-- Title: Tables, measured, are not much larger than their rows
-- Category: bloat
-- On-Request: exact
-- Thresholds:
-- - info: wasted >= 10 MB and percent >= 20
-- - warning: wasted >= 100 MB and percent >= 30
-- Needs:
-- - extension pgstattuple
-- - role pg_stat_scan_tables
-- Metric: wasted:bytes
-- Message: {object} takes {bytes:bytes}, of which {wasted:bytes} ({percent:percent}) are free or dead beyond what its
--   fillfactor keeps free
-- Remediation: vacuum (analyze) {table}; and, if the space is needed, pg_repack, or vacuum full {table}; in a maintenance
--   window, which locks it.
-- Table:
-- - object as Table
-- - bytes:bytes as Size
-- - wasted:bytes as Free or dead
-- - percent:percent as Of size
-- Why: Measured by pgstattuple_approx, which passes over pages that hold only visible rows. The fifty largest tables, and
--   what they keep in TOAST, as far as they are together not above 8 GB.
-- Manual: 10.4

with candidates as (
  select
    c.oid,
    t.oid as table_oid,
    n.nspname,
    t.relname,
    c.relkind,
    c.relpages::bigint * current_setting('block_size')::bigint as bytes,
    coalesce(
      (select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'),
      100
    ) as fillfactor
  from pg_class c
  join pg_class t on t.oid = c.oid and c.relkind in ('r', 'm') or t.reltoastrelid = c.oid and c.relkind = 't'
  join pg_namespace n on n.oid = t.relnamespace
  where (c.relkind <> 't' or current_setting('server_version_num')::integer >= 140000)
    and c.relpersistence <> 't'
    and c.relpages > 0
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
),
locked as (
  select distinct relation
  from pg_locks
  where mode = 'AccessExclusiveLock' and relation is not null
),
judged as (
  select
    candidates.*,
    oid in (select relation from locked) or table_oid in (select relation from locked) as is_locked,
    sum(bytes) over (order by bytes desc, oid) as together,
    row_number() over (order by bytes desc, oid) as place
  from candidates
),
chosen as (
  select *, not is_locked and together <= 8::bigint * 1024 * 1024 * 1024 and place <= 50 as is_chosen
  from judged
),
measured as (
  select c.oid, m.*
  from chosen c
  cross join lateral pgstattuple_approx(c.oid::regclass) m
  where c.is_chosen
)
select
  format('%I.%I%s', c.nspname, c.relname, case c.relkind when 't' then ' (TOAST)' else '' end) as object,
  format('%I.%I', c.nspname, c.relname) as "table",
  coalesce(m.table_len, c.bytes) as bytes,
  wasted.percent,
  wasted.percent / 100 * coalesce(m.table_len, c.bytes) as wasted,
  -- All of what was not measured might be free.
  case
    when c.is_chosen then null
    when c.is_locked then format('%I.%I is locked', c.nspname, c.relname)
    else format('%I.%I is beyond the 50 tables and 8 GB that one run measures', c.nspname, c.relname)
  end as undecided,
  case
    when c.is_locked then 'Run it again when that lock is gone.'
    else format('select * from pgstattuple_approx(%L);', format('%I.%I', c.nspname, c.relname))
  end as decided_by
from chosen c
left join measured m on m.oid = c.oid
cross join lateral (
  select case
    when c.is_chosen then greatest(m.approx_free_percent + m.dead_tuple_percent - (100 - c.fillfactor), 0)
    else 100
  end as percent
) wasted
order by wasted desc, object;
