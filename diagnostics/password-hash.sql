-- Title: Passwords are stored with SCRAM
-- Category: security
-- Severity: warning
-- Needs:
-- - table pg_catalog.pg_authid (rolname, rolcanlogin, rolpassword)
-- Message: the password of {object} is stored as MD5: who sees the hash, in a backup or on the wire, can log in with it
-- Remediation: {fix}
-- Why: An MD5 hash is as good as the password, and is salted with the role's name only. SCRAM-SHA-256 is the default
--   from PostgreSQL 14 on, but a hash changes only when the password is set again. Only superusers and whom they let
--   read pg_authid see the hashes; what becomes of passwords that are set from now on, password-encryption says for
--   everybody.
-- Manual: 12.4

select
  quote_ident(a.rolname) as object,
  format(
    'Set the password of %I again while password_encryption is scram-sha-256, with \password in psql.',
    a.rolname
  ) as fix
from pg_authid a
where a.rolcanlogin
  and a.rolpassword like 'md5%'
  and has_database_privilege(a.oid, current_database(), 'connect')
order by object;
