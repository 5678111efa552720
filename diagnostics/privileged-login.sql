-- Title: Nobody logs in past every privilege and policy
-- Category: security
-- Severity: warning
-- Message: {object} can log in and {power}
-- Remediation: alter role {role} {attributes};
-- Why: No policy and no privilege binds a superuser; row-level security does not bind BYPASSRLS. One leaked password of
--   such a role is the whole database, and an application that uses it has no tenant isolation at all. Such rights
--   belong to roles that cannot log in, and are taken with SET ROLE. The superuser that the cluster was made with and the
--   roles of Supabase's platform are left out; so are roles that may not connect to this database.
-- Manual: 12.4

select
  quote_ident(r.rolname) as object,
  quote_ident(r.rolname) as role,
  case
    when r.rolsuper then 'is a superuser'
    else 'has BYPASSRLS: row-level security does not bind it'
  end as power,
  concat_ws(' ', case when r.rolsuper then 'nosuperuser' end, case when r.rolbypassrls then 'nobypassrls' end)
    as attributes
from pg_roles r
where r.rolcanlogin
  and (r.rolsuper or r.rolbypassrls)
  -- The bootstrap superuser: it cannot be anything else.
  and r.oid <> 10
  and has_database_privilege(r.oid, current_database(), 'connect')
  and not (
    r.rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
    and exists (select from pg_roles where rolname = 'supabase_admin')
  )
order by r.rolsuper desc, object;
