-- Title: Sizes of the largest tables
-- Category: capacity
-- Metric: total:bytes
-- Table:
-- - table as Table
-- - total:bytes as Total
-- - heap:bytes as Rows
-- - indexes:bytes as Indexes
-- - toast:bytes as TOAST
-- - rows:count as Row count
-- Chart: Largest tables: heap:bytes as Rows, indexes:bytes as Indexes, toast:bytes as TOAST by table
-- Why: The twenty largest tables, exactly; which they are is told by the catalog, without asking for every table's size.
-- Manual: 8.5, 10.4

with sized as (
  select
    c.oid,
    n.nspname,
    c.relname,
    c.reltoastrelid,
    greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows,
    c.relpages
      + coalesce(toast.relpages, 0)
      + coalesce(indexes.pages, 0)
      -- A table that was never vacuumed has no pages by the catalog: a hundred bytes for each row, until then.
      + case when c.relpages = 0 then pg_stat_get_live_tuples(c.oid) * 100 / current_setting('block_size')::integer else 0 end
      as pages
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_class toast on toast.oid = c.reltoastrelid
  left join (
    select i.indrelid, sum(ic.relpages) as pages
    from pg_index i
    join pg_class ic on ic.oid = i.indexrelid
    group by i.indrelid
  ) indexes on indexes.indrelid = c.oid
  where c.relkind in ('r', 'm')
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  order by pages desc, n.nspname, c.relname
  limit 20
),
-- Asking for a size waits for whoever changes the table.
free as (
  select *
  from sized
  where not exists (select from pg_locks l where l.relation = sized.oid and l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid())
  offset 0
)
select
  format('%I.%I', nspname, relname) as object,
  format('%I.%I', nspname, relname) as "table",
  pg_total_relation_size(oid) as total,
  pg_relation_size(oid) as heap,
  pg_indexes_size(oid) as indexes,
  case when reltoastrelid = 0 then 0 else pg_total_relation_size(reltoastrelid) end as toast,
  rows
from free
order by total desc, "table";
