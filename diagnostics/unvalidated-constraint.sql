-- Title: Constraints hold for every row
-- Category: schema
-- Severity: warning
-- Metric: rows:count
-- Message: {name} of {table} is {state}: rows that break it may be there, among about {rows:count}
-- Remediation: {fix}
-- Why: A constraint added as NOT VALID holds for new rows only, and the planner does not rely on it. Validating reads the
--   table once and blocks nobody who reads or writes. From PostgreSQL 18 on one may also be NOT ENFORCED.
-- Manual: 11.5

select
  format('%I.%I.%I', n.nspname, c.relname, con.conname) as object,
  quote_ident(con.conname) as name,
  format('%I.%I', n.nspname, c.relname) as "table",
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0) as rows,
  case when con.enforced then 'not validated' else 'not enforced' end as state,
  case
    when con.enforced then format('alter table %I.%I validate constraint %I;', n.nspname, c.relname, con.conname)
    when con.contype = 'f'
      then format('alter table %I.%I alter constraint %I enforced;', n.nspname, c.relname, con.conname)
    else format('Drop %I of %I.%I and add it again, enforced.', con.conname, n.nspname, c.relname)
  end as fix
-- conenforced is there from PostgreSQL 18 on.
from (select true as conenforced) before_18
cross join lateral (
  select x.*, conenforced as enforced
  from pg_constraint x
) con
join pg_class c on c.oid = con.conrelid
join pg_namespace n on n.oid = c.relnamespace
where not con.convalidated
  and con.conparentid = 0
  and con.coninhcount = 0
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by rows desc, object;
