-- Title: Nobody logs in past every privilege and policy
-- Category: security
-- Thresholds:
-- - info: past = 0
-- - warning: past = 1
-- Message: {object} can log in and {power}
-- Remediation: {fix}
-- Why: No policy and no privilege binds a superuser; row-level security does not bind BYPASSRLS. One leaked password of
--   such a role is the whole database, and an application that uses it has no tenant isolation at all. Such rights
--   belong to roles that cannot log in, and are taken with SET ROLE. pg_read_all_data and
--   pg_write_all_data are past privileges, and not past policies: right for a backup, too much for an application. The
--   superuser that the cluster was made with and the roles of Supabase's platform are left out; so are roles that may not
--   connect to this database.
-- Manual: 12.4

with logins as (
  select r.*
  from pg_roles r
  where r.rolcanlogin
    -- The bootstrap superuser: it cannot be anything else.
    and r.oid <> 10
    and has_database_privilege(r.oid, current_database(), 'connect')
    and not (
      r.rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
      and exists (select from pg_roles where rolname = 'supabase_admin')
    )
)
select
  quote_ident(r.rolname) as object,
  1 as past,
  case
    when r.rolsuper then 'is a superuser'
    else 'has BYPASSRLS: row-level security does not bind it'
  end as power,
  format(
    'alter role %I %s;',
    r.rolname,
    concat_ws(' ', case when r.rolsuper then 'nosuperuser' end, case when r.rolbypassrls then 'nobypassrls' end)
  ) as fix
from logins r
where r.rolsuper or r.rolbypassrls
union all
select
  quote_ident(r.rolname),
  0,
  'has ' || string_agg(distinct given.rolname, ', ') || ': no GRANT restricts it',
  string_agg(distinct format('revoke %I from %I;', door.rolname, r.rolname), ' ')
from logins r
join pg_roles given
  on given.rolname in ('pg_read_all_data', 'pg_write_all_data')
  and pg_has_role(r.oid, given.oid, 'usage')
-- The memberships of its own that lead there.
join pg_auth_members m on m.member = r.oid
join pg_roles door on door.oid = m.roleid and (door.oid = given.oid or pg_has_role(door.oid, given.oid, 'member'))
where not r.rolsuper
  and not r.rolbypassrls
group by r.rolname
order by past desc, object;
