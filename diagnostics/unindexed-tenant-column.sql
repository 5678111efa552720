-- Title: tenant_id leads an index
-- Category: schema
-- Thresholds:
-- - info: rows >= 0
-- - warning: rows >= 10000
-- Metric: rows:count
-- Message: no index of {table} begins with tenant_id: a policy that asks for it, and every query of one tenant, reads all
--   of its {rows:count} rows
-- Remediation: create index {concurrently}on {table} (tenant_id);
-- Why: Row-level security adds the tenant to every query. Without an index that begins with it, one tenant pays for the
--   rows of all others.
-- Manual: A, 12.4

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows,
  case c.relkind when 'p' then '' else 'concurrently ' end as concurrently
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attname = 'tenant_id'
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm')
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  and not exists (
    select
    from pg_index i
    join pg_class ic on ic.oid = i.indexrelid
    join pg_am am on am.oid = ic.relam
    where i.indrelid = c.oid
      and i.indisvalid
      and i.indpred is null
      and am.amname in ('btree', 'hash')
      and i.indkey[0] = a.attnum
  )
order by rows desc, object;
