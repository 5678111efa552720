-- Title: Nothing is granted to everybody
-- Category: security
-- Thresholds:
-- - info: writes = 0
-- - warning: writes = 1
-- Message: PUBLIC, every role that can log in, has {privileges} on {object}
-- Remediation: {fix}
-- Why: What PUBLIC may do, every role may do, those included that are made later or belong to somebody else. Creating
--   objects in a schema lets anybody put a table or function in the way of those that others mean; PostgreSQL 15 no
--   longer grants it on the schema public, an upgraded database still has it. SECURITY DEFINER functions that everybody
--   may execute act with the rights of their owner. A foreign server that everybody may use leads wherever its user
--   mappings do. What PostgreSQL itself keeps from PUBLIC (functions that read files, passwords' hashes) counts as well.
--   CONNECT and TEMPORARY on the database are PostgreSQL's default.
-- Manual: 12.4

with grants as (
  select
    'schema ' || quote_ident(n.nspname) as object,
    'schema ' || quote_ident(n.nspname) as target,
    '' as role,
    a.privilege_type as privilege
  from pg_namespace n
  cross join aclexplode(n.nspacl) a
  where a.grantee = 0
    and a.privilege_type = 'CREATE'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select 'database ' || quote_ident(d.datname), 'database ' || quote_ident(d.datname), '', a.privilege_type
  from pg_database d
  cross join aclexplode(d.datacl) a
  where a.grantee = 0 and d.datname = current_database() and a.privilege_type = 'CREATE'
  union all
  select
    format('%I.%I', n.nspname, c.relname),
    format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname),
    '',
    a.privilege_type
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(c.relacl) a
  where a.grantee = 0
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
  union all
  select
    format('%I.%I', n.nspname, c.relname),
    format('table %I.%I', n.nspname, c.relname),
    '',
    format('%s (%I)', x.privilege_type, a.attname)
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  cross join aclexplode(a.attacl) x
  where x.grantee = 0
    and not a.attisdropped
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  -- A function that was never granted to anybody is granted to everybody; a trigger's cannot be called.
  select
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    format('routine %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    '',
    'EXECUTE'
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where p.prosecdef
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
    -- Everybody has to be able to execute what policies call.
    and not exists (
      select
      from pg_depend d
      where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
    )
  union all
  select 'large object ' || m.oid, 'large object ' || m.oid, '', a.privilege_type
  from pg_largeobject_metadata m
  cross join aclexplode(m.lomacl) a
  where a.grantee = 0
  union all
  select 'foreign server ' || quote_ident(s.srvname), 'foreign server ' || quote_ident(s.srvname), '', a.privilege_type
  from pg_foreign_server s
  cross join aclexplode(s.srvacl) a
  where a.grantee = 0
  union all
  -- Who may use a wrapper makes servers of it: to wherever the server's machine can connect.
  select
    'foreign-data wrapper ' || quote_ident(w.fdwname),
    'foreign data wrapper ' || quote_ident(w.fdwname),
    '',
    a.privilege_type
  from pg_foreign_data_wrapper w
  cross join aclexplode(w.fdwacl) a
  where a.grantee = 0
  union all
  -- What initdb took from everybody, or never gave, and somebody has granted since.
  select
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    format('routine %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    '',
    'EXECUTE'
  from pg_init_privs i
  join pg_proc p on i.classoid = 'pg_proc'::regclass and p.oid = i.objoid
  join pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pg_catalog'
  where i.privtype = 'i'
    and not exists (select from aclexplode(i.initprivs) a where a.grantee = 0)
    and exists (select from aclexplode(p.proacl) a where a.grantee = 0)
  union all
  select
    format('%I.%I', n.nspname, c.relname),
    format('table %I.%I', n.nspname, c.relname),
    '',
    a.privilege_type
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'pg_catalog'
  left join pg_init_privs i
    on i.classoid = 'pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0 and i.privtype = 'i'
  cross join aclexplode(c.relacl) a
  where a.grantee = 0
    and c.oid < 16384
    and not exists (
      select from aclexplode(i.initprivs) b where b.grantee = 0 and b.privilege_type = a.privilege_type
    )
  union all
  select
    format('what %I will create%s', pg_get_userbyid(d.defaclrole), coalesce(' in ' || quote_ident(n.nspname), '')),
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'L' then 'large objects' else 'schemas' end,
    format(
      'alter default privileges for role %I%s',
      pg_get_userbyid(d.defaclrole),
      coalesce(' in schema ' || quote_ident(n.nspname), '')
    ),
    a.privilege_type
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
  cross join aclexplode(d.defaclacl) a
  where a.grantee = 0
    and d.defaclobjtype in ('r', 'S', 'n', 'L')
    and (n.nspname is null or n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[]))
)
select
  object,
  string_agg(privilege, ', ' order by privilege) as privileges,
  max(
    case
      when target ~ '^(routine|table) pg_catalog\.|^foreign data wrapper ' then 1
      when split_part(privilege, ' ', 1) in ('SELECT', 'USAGE', 'EXECUTE') then 0
      else 1
    end
  ) as writes,
  concat_ws(
    ' ',
    nullif(role, ''),
    'revoke',
    string_agg(privilege, ', ' order by privilege),
    'on',
    target,
    'from public;'
  ) as fix
from grants
group by object, target, role
order by writes desc, object;
