-- Title: Nobody logs in with a way to the server's files and programs
-- Category: security
-- Thresholds:
-- - info: held = 0
-- - warning: held = 1
-- Message: {object} can log in and {power}
-- Remediation: {fix}
-- Why: Who writes the server's files or runs its programs becomes superuser in a few steps. The rights count however
--   they are inherited. Before PostgreSQL 16 CREATEROLE is the right to give them to oneself, unless the platform forbids it;
--   the owner of the database, who is meant to make roles, is left out.
-- Manual: 12.4

with held as (
  select
    r.oid,
    r.rolname,
    string_agg(distinct given.rolname, ', ') as roles,
    string_agg(distinct format('revoke %I from %I;', door.rolname, r.rolname), ' ') as fix
  from pg_roles r
  join pg_roles given
    on given.rolname in ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
    and pg_has_role(r.oid, given.oid, 'member')
  -- The memberships of its own that lead there.
  join pg_auth_members m on m.member = r.oid
  join pg_roles door on door.oid = m.roleid and (door.oid = given.oid or pg_has_role(door.oid, given.oid, 'member'))
  where r.rolcanlogin
    and not r.rolsuper
  group by r.oid, r.rolname
)
select
  quote_ident(rolname) as object,
  1 as held,
  'has ' || roles || ': that is as good as to be the operating system''s user of the server' as power,
  fix
from held
where has_database_privilege(oid, current_database(), 'connect')
union all
select
  quote_ident(rolname),
  0,
  'has CREATEROLE, with which it may give itself pg_execute_server_program and every role but a superuser',
  format('alter role %I nocreaterole;', rolname)
from pg_roles
where current_setting('server_version_num')::int < 160000
  and rolcanlogin
  and rolcreaterole
  and not rolsuper
  and has_database_privilege(oid, current_database(), 'connect')
  and oid not in (select oid from held)
  and oid <> (select datdba from pg_database where datname = current_database())
  and not (
    rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
    and exists (select from pg_roles where rolname = 'supabase_admin')
  )
order by held desc, object;
