-- Title: Indexes, measured, are not much larger than their entries
-- Category: bloat
-- On-Request: exact
-- Thresholds:
-- - info: wasted >= 10 MB and percent >= 30
-- - warning: wasted >= 50 MB and percent >= 40
-- Needs:
-- - extension pgstattuple
-- - role pg_stat_scan_tables
-- Metric: wasted:bytes
-- Message: {object} takes {bytes:bytes}, of which {wasted:bytes} ({percent:percent}) are free beyond what its fillfactor
--   keeps free
-- Remediation: reindex index concurrently {object};
-- Table:
-- - object as Index
-- - bytes:bytes as Size
-- - wasted:bytes as Free
-- - percent:percent as Of size
-- Why: Measured by pgstatindex, which reads the whole index: pages that are empty or deleted count, and the leaves are
--   compared with their fillfactor. The fifty largest B-trees, as far as they are together not above 8 GB.
-- Manual: 10.3, 10.4

with candidates as (
  select
    c.oid,
    i.indrelid,
    n.nspname,
    c.relname,
    c.relpages::bigint * current_setting('block_size')::bigint as bytes,
    coalesce(
      (select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'),
      90
    ) as fillfactor
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_am am on am.oid = c.relam
  join pg_namespace n on n.oid = c.relnamespace
  where am.amname = 'btree'
    and c.relkind = 'i'
    and i.indisvalid
    and c.relpersistence <> 't'
    and c.relpages > 1
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
    oid in (select relation from locked) or indrelid in (select relation from locked) as is_locked,
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
  cross join lateral pgstatindex(c.oid::regclass) m
  where c.is_chosen
)
select
  format('%I.%I', c.nspname, c.relname) as object,
  coalesce(m.index_size, c.bytes) as bytes,
  100 * wasted.share as percent,
  wasted.share * coalesce(m.index_size, c.bytes) as wasted,
  -- All of what was not measured might be free.
  case
    when c.is_chosen then null
    when c.is_locked then format('%I.%I is locked', c.nspname, c.relname)
    else format('%I.%I is beyond the 50 indexes and 8 GB that one run measures', c.nspname, c.relname)
  end as undecided,
  case
    when c.is_locked then 'Run it again when that lock is gone.'
    else format('select * from pgstatindex(%L);', format('%I.%I', c.nspname, c.relname))
  end as decided_by
from chosen c
left join measured m on m.oid = c.oid
cross join lateral (
  -- What the leaves would need at their fillfactor, the pages above them, and the page that describes the index.
  select case
    when c.is_chosen then greatest(
      1
        - (
          least(m.leaf_pages * coalesce(nullif(m.avg_leaf_density, 'NaN'), 0) / c.fillfactor, m.leaf_pages)
            + m.internal_pages
            + 1
        ) / (m.index_size / current_setting('block_size')::float8),
      0
    )
    else 1
  end as share
) wasted
order by wasted desc, object;
