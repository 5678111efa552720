-- Title: Functions fix their search_path
-- Category: security
-- Thresholds:
-- - info: grave = 0
-- - warning: grave = 1
-- Message: {what}
-- Remediation: {fix}
-- Why: A function without a search_path of its own looks names up where its caller says. One that is SECURITY DEFINER
--   then runs what the caller planted there with the rights of its owner, and one that takes a role (SET role) with those
--   of that. Temporary tables come first unless pg_temp is named last: a caller's stands in for a table without a schema.
--   The same happens where its search_path has another schema in which everybody or a role of the API may create objects.
--   A body in standard SQL (BEGIN ATOMIC) has resolved its names already. A function with a setting is no longer inlined into the query that calls it.
-- Manual: 12.4

with routines as (
  select
    p.oid,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as object,
    quote_ident(n.nspname) as schema,
    (p.prosecdef or taken.role is not null)::int as definer,
    coalesce(taken.role, 'its owner') as rights,
    p.proowner as owner,
    (select substr(setting, 13) from unnest(p.proconfig) setting where setting like 'search\_path=%') as search_path
  from (
    -- prosqlbody is a column of pg_proc from PostgreSQL 14 on; before that it is the one that is always null.
    select f.*
    from (select null::pg_node_tree as prosqlbody) before
    cross join lateral (
      select oid, proname, pronamespace, prolang, proowner, prokind, prosecdef, proconfig, prosqlbody is null as by_name
      from pg_proc
    ) f
  ) p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  left join lateral (
    select quote_ident(substr(setting, 6)) as role
    from unnest(p.proconfig) setting
    where setting like 'role=%' and setting <> 'role=none' and not p.prosecdef
  ) taken on true
  where l.lanname not in ('c', 'internal')
    and p.prokind in ('f', 'p')
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and p.by_name
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
),
-- Schemas on the search_path of a definer in which callers may create objects.
open_schemas as (
  select r.oid, string_agg(distinct quote_ident(n.nspname), ', ') as schemas
  from routines r
  cross join unnest(string_to_array(r.search_path, ',')) entry
  join pg_namespace n on n.nspname = case trim(entry)
    when '"$user"' then pg_get_userbyid(r.owner)
    else replace(trim(trim(entry), '"'), '""', '"')
  end
  cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  left join pg_roles g on g.oid = a.grantee
  where r.definer = 1
    -- Its own schema: that everybody may create objects there is what public-privilege says of the schema.
    and quote_ident(n.nspname) <> r.schema
    and a.privilege_type = 'CREATE'
    and (a.grantee = 0 or g.rolname in ('anon', 'authenticated'))
  group by r.oid
)
select
  r.object,
  case when r.definer = 1 and (r.search_path is null or o.schemas is not null) then 1 else 0 end as grave,
  case
    when r.search_path is null then format(
      '%s has no search_path of its own%s: an object that somebody creates in a schema that the caller puts first, or '
        || 'in pg_temp, takes the place of one it means',
      r.object,
      case r.definer when 1 then ' and runs with the rights of ' || r.rights else '' end
    )
    when o.schemas is not null then format(
      '%s runs with the rights of %s and looks names up in %s, where callers may create objects that take the place of '
        || 'those it means',
      r.object,
      r.rights,
      o.schemas
    )
    else format(
      '%s runs with the rights of %s and looks tables up among the temporary ones of its caller first: its search_path '
        || '(%s) does not end with pg_temp',
      r.object,
      r.rights,
      r.search_path
    )
  end as what,
  case
    when r.search_path is null
      then format('alter routine %s set search_path = pg_catalog, %s, pg_temp;', r.object, r.schema)
    -- Names that are found nowhere then are errors, and not somebody else's.
    when o.schemas is not null then format('alter routine %s set search_path = pg_catalog, pg_temp;', r.object)
    else format(
      'alter routine %s set search_path = %s, pg_temp;',
      r.object,
      (
        select string_agg(trim(entry), ', ' order by place)
        from unnest(string_to_array(r.search_path, ',')) with ordinality e (entry, place)
        where trim(entry) <> 'pg_temp'
      )
    )
  end as fix
from routines r
left join open_schemas o on o.oid = r.oid
where r.search_path is null
  or o.schemas is not null
  or (
    r.definer = 1
    and r.search_path !~ '(^|,) *pg_temp *$'
    -- Where there is no schema but the server's, tables are named with theirs.
    and exists (
      select
      from unnest(string_to_array(r.search_path, ',')) entry
      where trim(entry) not in ('pg_catalog', 'pg_temp', '""', '')
    )
  )
order by grave desc, r.object;
