-- Title: No secret stands in comments, functions or settings
-- Category: security
-- Severity: critical
-- Message: {object} holds what looks like {kind}; whoever may log in can read it
-- Remediation: Change the secret where it is used, then remove it here: {object}.
-- Why: Comments, bodies of functions and settings of databases and roles can be read by every role. Secrets belong into
--   Supabase's Vault or outside of the database. The text itself is not shown here.
-- Manual: 12.4

with texts as (
  select
    case
      when d.objsubid > 0
        then format('the comment on %I.%I.%I', n.nspname, c.relname, a.attname)
      else format('the comment on %I.%I', n.nspname, c.relname)
    end as object,
    d.description as text
  from pg_description d
  join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select format('the comment on %I.%I', n.nspname, p.proname), d.description
  from pg_description d
  join pg_proc p on d.classoid = 'pg_proc'::regclass and p.oid = d.objoid
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select 'the comment on schema ' || quote_ident(n.nspname), d.description
  from pg_description d
  join pg_namespace n on d.classoid = 'pg_namespace'::regclass and n.oid = d.objoid
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  -- Of types, constraints, triggers, policies and the like; those of the server itself are older than any of them.
  select 'the comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
  from pg_description d
  where d.objoid >= 16384
    and d.classoid not in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass)
  union all
  select 'the comment on role ' || quote_ident(r.rolname), s.description
  from pg_shdescription s
  join pg_roles r on s.classoid = 'pg_authid'::regclass and r.oid = s.objoid
  union all
  select 'the comment on database ' || quote_ident(b.datname), s.description
  from pg_shdescription s
  join pg_database b on s.classoid = 'pg_database'::regclass and b.oid = s.objoid
  where b.datname = current_database()
  union all
  select format('the function %I.%I', n.nspname, p.proname), p.prosrc
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  where l.lanname not in ('c', 'internal')
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select
    format(
      'the setting %s of %s',
      split_part(setting, '=', 1),
      case
        when s.setrole = 0 then 'this database'
        when s.setdatabase = 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole))
        else format('role %I in this database', pg_get_userbyid(s.setrole))
      end
    ),
    setting
  from pg_db_role_setting s
  cross join unnest(s.setconfig) setting
  where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
),
-- The same as src/diagnostics/secrets.ts, which looks through files.
patterns (kind, pattern) as (
  values
    ('a private key', '-----BEGIN [A-Z ]*PRIVATE KEY-----'),
    ('an access key of AWS', '\m(AKIA|ASIA)[0-9A-Z]{16}\M'),
    ('a token of GitHub', '\m(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60})'),
    ('a key of Stripe', '\m(sk|rk)_(live|test)_[0-9A-Za-z]{16}'),
    ('an API key of OpenAI or Anthropic', '\msk-(proj-|ant-)?[0-9A-Za-z_-]{32}'),
    ('a token of Slack', '\mxox[abposr]-[0-9A-Za-z-]{20}'),
    ('an API key of Google', '\mAIza[0-9A-Za-z_-]{35}'),
    ('a key of Supabase', '\m(sb_secret_[0-9A-Za-z_-]{20}|sbp_[0-9a-f]{40})'),
    ('a JSON web token', '\meyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20}'),
    ('a password in a URL', '[a-z][a-z0-9+.-]*://[^\s:/@''"]+:[^\s:/@''"${}<>*]{6,}@[^\s@]')
)
select t.object, t.object || p.kind as key, p.kind
from texts t
join patterns p on t.text ~ p.pattern
union all
-- What people write down: a word that has capitals, small letters and digits, and is not the name of a hash.
select t.object, t.object || 'a password', 'a password'
from texts t
where t.object like 'the comment on %'
  and substring(
    t.text from concat(
      '(?i)\m(?:password|passwd|passphrase|pwd|secret|api[_ -]?key)\M[^:=\n]{0,40}[:=]\s*["''`]?',
      '((?!argon|bcrypt|scram|pbkdf|sha-?[0-9])[^\s"''`]{8,})'
    )
  ) ~ '^(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])'
union all
-- The names of settings tell as much as their values.
select t.object, t.object || 'a secret', 'a secret'
from texts t
where t.object ~ '^the setting \S*(secret|password|service_role|api_?key|jwt_key|private_key)\S* of '
  and split_part(t.text, '=', 2) <> ''
order by object, kind;
