-- Title: Sizes of the largest indexes
-- Category: capacity
-- Metric: bytes:bytes
-- Table:
-- - object as Index
-- - table as Table
-- - bytes:bytes as Size
-- - scans:count as Scans
-- - method as Method
-- Chart: Largest indexes: bytes:bytes by object
-- Why: The twenty largest indexes by the catalog, as large as at their last vacuum or analyze. What is large and hardly
--   scanned costs writes and memory for little.
-- Manual: 8.5, 10.3

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, t.relname) as "table",
  c.relpages::bigint * current_setting('block_size')::integer as bytes,
  pg_stat_get_numscans(c.oid) as scans,
  am.amname::text as method
from pg_class c
join pg_index i on i.indexrelid = c.oid
join pg_class t on t.oid = i.indrelid
join pg_am am on am.oid = c.relam
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'i'
  and c.relpersistence <> 't'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by c.relpages desc, n.nspname, c.relname
limit 20;
