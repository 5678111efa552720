-- Title: Foreign keys have the type of what they refer to
-- Category: schema
-- Severity: info
-- Metric: rows:count
-- Message: {object} ({types}) refers to {parent} ({parent_types}): values that do not fit fail late, and joins compare
--   through a cast
-- Remediation: alter table {table} {changes};
-- Why: An integer that refers to a bigint ends at two thousand million while its parent goes on. Changing the type
--   rewrites the table under an exclusive lock.
-- Manual: none

select
  format('%I.%I.%I', n.nspname, c.relname, con.conname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  format('%I.%I', pn.nspname, p.relname) as parent,
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows,
  string_agg(format_type(a.atttypid, null), ', ' order by k.position) as types,
  string_agg(format_type(pa.atttypid, null), ', ' order by k.position) as parent_types,
  string_agg(
    format('alter column %I type %s', a.attname, format_type(pa.atttypid, pa.atttypmod)),
    ', '
    order by k.position
  ) filter (where a.atttypid <> pa.atttypid) as changes
from pg_constraint con
join pg_class c on c.oid = con.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = con.confrelid
join pg_namespace pn on pn.oid = p.relnamespace
cross join lateral unnest(con.conkey, con.confkey) with ordinality k(attnum, parent_attnum, position)
join pg_attribute a on a.attrelid = con.conrelid and a.attnum = k.attnum
join pg_attribute pa on pa.attrelid = con.confrelid and pa.attnum = k.parent_attnum
where con.contype = 'f'
  and con.conparentid = 0
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
group by con.oid, n.nspname, c.oid, c.relname, c.reltuples, con.conname, pn.nspname, p.relname
having bool_or(a.atttypid <> pa.atttypid)
order by rows desc, object;
