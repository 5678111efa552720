-- Title: Functions fix their search_path
-- Category: security
-- Thresholds:
-- - info: definer >= 0
-- - warning: definer >= 1
-- Message: {object} has no search_path of its own{mode}: an object that somebody creates in a schema that the caller
--   puts first, or in pg_temp, takes the place of one it means
-- Remediation: alter routine {object} set search_path = pg_catalog, {schema}, pg_temp;
-- Why: A function without a search_path of its own looks names up where its caller says. One that is SECURITY DEFINER
--   then runs what the caller planted there with the rights of its owner. Temporary tables come first unless pg_temp is
--   named last. A body in standard SQL (BEGIN ATOMIC) has resolved its names already. A function with a setting is no
--   longer inlined into the query that calls it.
-- Manual: 12.4

select
  format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as object,
  quote_ident(n.nspname) as schema,
  p.prosecdef::int as definer,
  case when p.prosecdef then ' and runs with the rights of its owner' else '' end as mode
from (
  -- prosqlbody is a column of pg_proc from PostgreSQL 14 on; before that it is the one that is always null.
  select f.*
  from (select null::pg_node_tree as prosqlbody) before
  cross join lateral (
    select oid, proname, pronamespace, prolang, prokind, prosecdef, proconfig, prosqlbody is null as by_name
    from pg_proc
  ) f
) p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where l.lanname not in ('c', 'internal')
  and p.prokind in ('f', 'p')
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  and not exists (select from unnest(p.proconfig) setting where setting like 'search\_path=%')
  and p.by_name
  and not exists (
    select
    from pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by definer desc, object;
