-- Title: Indexes are complete
-- Category: indexes
-- Severity: warning
-- Metric: bytes:bytes
-- Message: {object} of {table} is invalid: {state}; no query uses it
-- Remediation: {fix}
-- Why: A concurrent build or rebuild that fails or is cancelled leaves an index that is written to and never read. Names
--   that end in _ccnew or _ccold are what a reindex left behind. The index of a partitioned table is invalid until each
--   partition has one attached to it.
-- Manual: 10.3

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, t.relname) as "table",
  c.relpages::bigint * current_setting('block_size')::integer as bytes,
  case
    when c.relkind = 'I' then 'not every partition has an index attached to it'
    when not i.indislive then 'its removal was interrupted'
    when not i.indisready then 'its build was interrupted before the table was read'
    else 'its build was interrupted or failed'
  end as state,
  case
    when c.relkind = 'I' then format(
      'Create the index on each partition that lacks it, then: alter index %I.%I attach partition ...;',
      n.nspname,
      c.relname
    )
    -- A unique one failed for a reason, and a leftover has its original beside it.
    when i.indisunique or not i.indislive or c.relname ~ '_cc(new|old)\d*$'
      then format('drop index concurrently %I.%I;', n.nspname, c.relname)
    else format('reindex index concurrently %I.%I;', n.nspname, c.relname)
  end as fix,
  case
    when exists (
      select
      from pg_locks l
      where l.relation = i.indrelid and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock') and l.granted
    ) then format('%I.%I is invalid while %I is being indexed or vacuumed', n.nspname, c.relname, t.relname)
  end as undecided,
  'Run it again when that is done.' as decided_by
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_class t on t.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
where not (i.indisvalid and i.indisready and i.indislive)
  and c.relpersistence <> 't'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by object;
