-- Title: Times know their time zone
-- Category: schema
-- Severity: info
-- Metric: columns_count:count
-- Message: {table} keeps times without their zone: {columns}
-- Remediation: alter table {table} {changes};
-- Why: A timestamp without time zone is a reading of some clock; which one is not stored, so that two servers, or summer
--   and winter, write the same moment differently. The change reads the old values as UTC and rewrites the table under an
--   exclusive lock, unless the time zone of the session is UTC.
-- Manual: 7.1

select
  format('%I.%I', n.nspname, c.relname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  count(*) as columns_count,
  string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
  string_agg(
    format('alter column %1$I type timestamp with time zone using %1$I at time zone ''UTC''', a.attname),
    ', '
    order by a.attnum
  ) as changes
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.atttypid = 'timestamp'::regtype
  and a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  and not exists (
    select
    from pg_depend d
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
group by n.nspname, c.relname
order by object;
