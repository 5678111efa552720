-- Title: Passwords for other servers are seen by nobody but whom they are for
-- Category: security
-- Severity: warning
-- Message: {object} holds {what}: {who}
-- Remediation: {fix}
-- Why: User mappings of foreign servers and subscriptions hold the passwords of other servers in clear text. The server
--   hides them from all but superusers, but not from roles with pg_read_all_data, which is given for backups and reports,
--   nor from whom somebody granted the catalog. A mapping for PUBLIC lets whoever may use the server log in there. What
--   every role can read, such as options of foreign servers, secret-in-catalog looks at. The text itself is not shown
--   here. The roles of Supabase's platform are left out.
-- Manual: 12.4

with logins as materialized (
  select r.oid, r.rolname
  from pg_roles r
  where r.rolcanlogin
    and not r.rolsuper
    and has_database_privilege(r.oid, current_database(), 'connect')
    and not (
      r.rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
      and exists (select from pg_roles where rolname = 'supabase_admin')
    )
),
-- Roles that may read where the passwords stand, themselves or by pg_read_all_data.
seeing as materialized (
  select 'pg_user_mapping' as catalog, g.oid, g.rolname
  from pg_roles g
  where not g.rolsuper and has_table_privilege(g.oid, 'pg_catalog.pg_user_mapping', 'select')
  union all
  select 'pg_subscription', g.oid, g.rolname
  from pg_roles g
  where not g.rolsuper and has_column_privilege(g.oid, 'pg_catalog.pg_subscription', 'subconninfo', 'select')
),
readers as materialized (
  select distinct s.catalog, l.oid, l.rolname
  from seeing s
  join logins l on pg_has_role(l.oid, s.oid, 'member')
),
fixes as (
  -- The memberships of their own that lead there.
  select r.catalog, format('revoke %I from %I;', door.rolname, r.rolname) as fix
  from readers r
  join pg_auth_members m on m.member = r.oid
  join pg_roles door on door.oid = m.roleid
  where exists (
    select from seeing s where s.catalog = r.catalog and pg_has_role(door.oid, s.oid, 'member')
  )
  union
  -- What was granted on the catalog itself, to the role or to everybody.
  select
    c.relname,
    format(
      'revoke select on table pg_catalog.%I from %s;',
      c.relname,
      case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
    )
  from pg_class c
  cross join aclexplode(c.relacl) a
  where c.oid in ('pg_catalog.pg_user_mapping'::regclass, 'pg_catalog.pg_subscription'::regclass)
    and a.privilege_type = 'SELECT'
    and a.grantee <> c.relowner
  union
  select
    'pg_subscription',
    format(
      'revoke select (subconninfo) on table pg_catalog.pg_subscription from %s;',
      case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end
    )
  from pg_attribute a
  cross join aclexplode(a.attacl) x
  where a.attrelid = 'pg_catalog.pg_subscription'::regclass
    and a.attname = 'subconninfo'
    and x.privilege_type = 'SELECT'
),
mappings as (
  select
    format(
      'the user mapping of %s for %I',
      case u.umuser when 0 then 'PUBLIC' else quote_ident(u.usename) end,
      u.srvname
    ) as object,
    u.umid,
    u.umuser,
    u.srvid,
    u.umoptions,
    -- As the view decides whether it shows them: none are shown where there are none, too.
    has_table_privilege('pg_catalog.pg_user_mapping', 'select') as is_open,
    u.umuser <> 0 and u.usename = current_user and (
      pg_has_role(s.srvowner, 'usage') or has_server_privilege(u.srvid, 'usage')
    ) or u.umuser = 0 and pg_has_role(s.srvowner, 'usage') as is_shown,
    s.srvname,
    s.srvowner,
    s.srvacl
  from pg_user_mappings u
  join pg_foreign_server s on s.oid = u.srvid
),
-- Whom a mapping for PUBLIC is good for, besides the owner of the server.
users as (
  select
    m.umid,
    string_agg(case a.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(a.grantee)) end, ', ' order by a.grantee) as names,
    string_agg(case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, ', ' order by a.grantee) as grantees
  from mappings m
  cross join aclexplode(m.srvacl) a
  where m.umuser = 0 and a.privilege_type = 'USAGE' and a.grantee <> m.srvowner
  group by m.umid
),
places as (
  select
    m.object,
    'pg_user_mapping' as catalog,
    m.umuser as own,
    m.is_open or m.is_shown as is_visible,
    -- What may not be read is an error wherever it is named: it is named in a text that runs only where it may.
    case
      when m.is_open then exists (
        select
        from ts_stat(format(
          $$select 'found'::tsvector
            from pg_catalog.pg_user_mapping u, unnest(u.umoptions) option
            where u.oid = %s and option ~* %L and option !~* %L limit 1$$,
          m.umid,
          '^[^=]*(secret|password|passwd|service_role|api_?key|token|private_key|access_key)[^=]*=.',
          '^(password_required|[^=]*_(id|name))='
        ))
      )
      else exists (
        select
        from unnest(m.umoptions) option
        where option ~* '^[^=]*(secret|password|passwd|service_role|api_?key|token|private_key|access_key)[^=]*=.'
          and option !~* '^(password_required|[^=]*_(id|name))='
      )
    end as is_kept,
    u.names,
    format('revoke usage on foreign server %I from %s;', m.srvname, u.grantees) as fix
  from mappings m
  left join users u on u.umid = m.umid
  union all
  select
    'the subscription ' || quote_ident(s.subname),
    'pg_subscription',
    null,
    s.is_open,
    case
      when s.is_open then exists (
        select
        from ts_stat(format(
          $$select 'found'::tsvector
            from pg_catalog.pg_subscription s
            where s.subdbid = %s and s.subname = %L and s.subconninfo ~* %L limit 1$$,
          s.subdbid,
          s.subname,
          '(^|[\s?&])(ssl)?password\s*=\s*(?!'''')\S|^[a-z]+://[^/@\s]*:[^/@\s]+@'
        ))
      )
      else false
    end,
    null,
    null
  from (
    select
      subname,
      subdbid,
      has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'select') as is_open
    from pg_subscription
  ) s
  where s.subdbid = (select oid from pg_database where datname = current_database())
),
seen as (
  select
    p.object,
    p.object || ' read' as key,
    p.is_visible,
    p.is_kept,
    names.said || ' may read it (' || p.catalog || ')' as who,
    (select string_agg(fix, ' ' order by fix) from fixes f where f.catalog = p.catalog) as fix
  from places p
  cross join lateral (
    select concat_ws(
      ', ',
      string_agg(quote_ident(n.rolname), ', ' order by n.rolname) filter (where n.place <= 5),
      case when count(*) > 5 then format('and %s more', count(*) - 5) end
    ) as said, count(*) as number
    from (
      select r.rolname, row_number() over (order by r.rolname) as place
      from readers r
      where r.catalog = p.catalog and r.oid is distinct from p.own
    ) n
  ) names
  where names.number > 0
  union all
  select
    p.object,
    p.object || ' used',
    p.is_visible,
    p.is_kept,
    'whoever may use the server logs in there with it, such as ' || p.names,
    p.fix
  from places p
  where p.names is not null
)
select
  object,
  key,
  'a password' as what,
  who,
  fix,
  case when not is_visible then object || ' may hold a password, and ' || who end as undecided,
  case when not is_visible then 'Run the check as a superuser, who sees what it holds.' end as decided_by
from seen
where is_kept or not is_visible
order by object, key;
