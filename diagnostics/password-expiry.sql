-- Title: Passwords run out
-- Category: security
-- Severity: info
-- Message: the password of {object} is valid {validity}: nothing asks for a new one
-- Remediation: alter role {object} valid until '{next}';
-- Why: The manual rotates passwords quarterly; VALID UNTIL makes sure that one that was forgotten or leaked does not
--   work for years. After that date the role cannot log in until it has a new one. Left out are roles of Supabase's
--   platform, whose passwords its dashboard changes, roles that may not connect here, and the superuser that the cluster
--   was made with: it is the last way in. Whether a role has a password at all only a superuser sees.
-- Manual: 12.4

select
  quote_ident(r.rolname) as object,
  case
    when r.rolvaliduntil is null or r.rolvaliduntil = 'infinity' then 'for ever'
    else format('for another %s days', ceil(extract(epoch from r.rolvaliduntil - now()) / 86400))
  end as validity,
  to_char(now() + interval '92 days', 'YYYY-MM-DD') as next
from pg_roles r
where r.rolcanlogin
  and r.oid <> 10
  -- A quarter has 92 days at most.
  and coalesce(r.rolvaliduntil, 'infinity') > now() + interval '93 days'
  and has_database_privilege(r.oid, current_database(), 'connect')
  and not (
    r.rolname ~ '^(postgres|supabase_.*|pgbouncer|authenticator|dashboard_user|cli_login_.*)$'
    and exists (select from pg_roles where rolname = 'supabase_admin')
  )
order by object;
