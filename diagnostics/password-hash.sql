-- Title: Passwords are stored with SCRAM
-- Category: security
-- Severity: warning
-- Needs:
-- - table pg_catalog.pg_authid (rolname, rolcanlogin, rolpassword)
-- Message: {what}
-- Remediation: {fix}
-- Why: An MD5 hash is as good as the password, and is salted with the role's name only. SCRAM-SHA-256 is the default
--   from PostgreSQL 14 on, but a hash changes only when the password is set again. Only superusers see the hashes.
-- Manual: 12.4

select
  quote_ident(a.rolname) as object,
  format(
    'the password of %I is stored as MD5: who sees the hash, in a backup or on the wire, can log in with it',
    a.rolname
  ) as what,
  format(
    'Set the password of %I again while password_encryption is scram-sha-256, with \password in psql.',
    a.rolname
  ) as fix
from pg_authid a
where a.rolcanlogin
  and a.rolpassword like 'md5%'
  and has_database_privilege(a.oid, current_database(), 'connect')
union all
select
  'password_encryption',
  'password_encryption is md5: every password that is set from now on is stored so',
  'alter system set password_encryption = ''scram-sha-256''; select pg_reload_conf();'
-- Before 14 it may also say on, which meant MD5 once.
where current_setting('password_encryption') in ('md5', 'on')
order by object;
