-- Title: Passwords that are set become SCRAM
-- Category: security
-- Severity: warning
-- Message: password_encryption is {value} in {object}: every password that is set there is stored as MD5
-- Remediation: {fix}
-- Why: An MD5 hash is as good as the password. SCRAM-SHA-256 is the default from PostgreSQL 14 on; a server that was
--   upgraded, or a role that an old client needed it for, still has the old one. Every role sees this; how the passwords
--   that there are were stored says password-hash.
-- Manual: 12.4

with places as (
  -- What a session of this role gets may come from its own settings or the database's: those stand below.
  select 'the server' as object, setting as value, 'alter system set password_encryption = ''scram-sha-256''; select pg_reload_conf();' as fix
  from pg_settings
  where name = 'password_encryption' and source not in ('database', 'user', 'database user', 'session')
  union all
  select
    place.name,
    substr(setting, length('password_encryption=') + 1),
    format('alter %s reset password_encryption;', place.target)
  from pg_db_role_setting s
  cross join unnest(s.setconfig) setting
  cross join lateral (
    select
      case
        when s.setrole = 0 then 'this database'
        when s.setdatabase = 0 then 'sessions of ' || quote_ident(pg_get_userbyid(s.setrole))
        else format('sessions of %I in this database', pg_get_userbyid(s.setrole))
      end as name,
      case
        when s.setrole = 0 then 'database ' || quote_ident(current_database())
        when s.setdatabase = 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole))
        else format('role %I in database %I', pg_get_userbyid(s.setrole), current_database())
      end as target
  ) place
  where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and setting like 'password\_encryption=%'
)
select object, value, fix
from places
-- Before 14 it may also say on, which meant MD5 once.
where value in ('md5', 'on')
order by object;
