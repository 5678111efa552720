-- Title: Nobody logs in with a way to the server's files and programs
-- Category: security
-- Severity: warning
-- Message: {object} can log in and has {roles}: with them it is the operating system's user of the server
-- Remediation: {fix}
-- Why: Who writes the server's files or runs its programs becomes superuser in a few steps. The rights count however
--   they are inherited.
-- Manual: 12.4

select
  quote_ident(r.rolname) as object,
  string_agg(given.rolname, ', ' order by given.rolname) as roles,
  coalesce(
    string_agg(format('revoke %I from %I;', given.rolname, r.rolname), ' ' order by given.rolname)
      filter (where direct.yes),
    'Take the role away through which ' || quote_ident(r.rolname) || ' has it.'
  ) as fix
from pg_roles r
join pg_roles given
  on given.rolname in ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
  and pg_has_role(r.oid, given.oid, 'member')
cross join lateral (
  select exists (select from pg_auth_members m where m.member = r.oid and m.roleid = given.oid) as yes
) direct
where r.rolcanlogin
  and not r.rolsuper
  and has_database_privilege(r.oid, current_database(), 'connect')
group by r.rolname
order by object;
