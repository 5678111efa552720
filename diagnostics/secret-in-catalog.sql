-- Title: No secret stands where every role can read it
-- Category: security
-- Severity: critical
-- Message: {object} holds what looks like {kind}; whoever may log in can read it
-- Remediation: Change the secret where it is used, then remove it here: {object}.
-- Why: Comments, bodies of functions, definitions of views, policies, triggers, defaults and constraints, options of
--   foreign servers and settings of databases and roles can be read by every role. Secrets belong into Supabase's Vault
--   or outside of the database. Passwords of user mappings and subscriptions are hidden from others and not looked at;
--   keys that are meant to be published, such as Supabase's for anon, are no secrets. The text itself is not shown here.
-- Manual: 12.4

with relations as materialized (
  select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
),
-- Expressions as the server keeps them: printing them back would lock what they name.
trees as (
  select format('the default of %s.%I', r.name, a.attname) as object, d.adbin::text as tree
  from pg_attrdef d
  join relations r on r.oid = d.adrelid
  join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select
    case w.rulename when '_RETURN' then 'the view ' || r.name else format('the rule %I on %s', w.rulename, r.name) end,
    concat(w.ev_action, w.ev_qual)
  from pg_rewrite w
  join relations r on r.oid = w.ev_class
  union all
  select format('the policy %I on %s', p.polname, r.name), concat(p.polqual, p.polwithcheck)
  from pg_policy p
  join relations r on r.oid = p.polrelid
  union all
  select format('the constraint %I on %s', o.conname, r.name), o.conbin::text
  from pg_constraint o
  join relations r on r.oid = o.conrelid
  where o.conbin is not null
  union all
  select 'the index ' || r.name, concat(i.indexprs, i.indpred)
  from pg_index i
  join relations r on r.oid = i.indexrelid
  where i.indexprs is not null or i.indpred is not null
  union all
  select format('the trigger %I on %s', t.tgname, r.name), t.tgqual::text
  from pg_trigger t
  join relations r on r.oid = t.tgrelid
  where t.tgqual is not null
  union all
  select format('the function %I.%I', n.nspname, p.proname), concat(p.proargdefaults, p.prosqlbody)
  from (
    -- prosqlbody is a column of pg_proc from PostgreSQL 14 on.
    select f.*
    from (select null::pg_node_tree as prosqlbody) before
    cross join lateral (select proname, pronamespace, proargdefaults, prosqlbody from pg_proc) f
  ) p
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
    and (p.proargdefaults is not null or p.prosqlbody is not null)
),
-- The bytes of a constant, of which the first four are its length. A secret has more than a dozen.
constants as (
  select t.object, bytes.constant
  from trees t
  cross join regexp_matches(t.tree, ':constvalue \d{2,} \[ ((?:-?\d+ )+)\]', 'g') found
  cross join lateral (
    select string_agg(chr(case when byte::int between 32 and 126 then byte::int else 32 end), '' order by place) as constant
    from unnest(string_to_array(trim(found[1]), ' ')) with ordinality b (byte, place)
    where place > 4
  ) bytes
),
texts as (
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
  union all
  -- Set for the whole server, in its files.
  select 'the setting ' || name || ' of the server', name || '=' || setting
  from pg_settings
  where source in ('configuration file', 'command line', 'environment variable')
  union all
  -- Arguments end with a zero byte each.
  select
    format('the trigger %I on %I.%I', t.tgname, n.nspname, c.relname),
    encode(t.tgargs, 'escape')
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
  where t.tgnargs > 0
    and not t.tgisinternal
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select format('the option %s of foreign server %I', split_part(option, '=', 1), s.srvname), option
  from pg_foreign_server s
  cross join unnest(s.srvoptions) option
  union all
  select format('the option %s of foreign-data wrapper %I', split_part(option, '=', 1), w.fdwname), option
  from pg_foreign_data_wrapper w
  cross join unnest(w.fdwoptions) option
  union all
  select format('the option %s of foreign table %I.%I', split_part(option, '=', 1), n.nspname, c.relname), option
  from pg_foreign_table f
  join pg_class c on c.oid = f.ftrelid
  join pg_namespace n on n.oid = c.relnamespace
  cross join unnest(f.ftoptions) option
  where n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
  union all
  select object, string_agg(constant, e'\n')
  from constants
  group by object
),
-- The same as src/diagnostics/secrets.ts, which looks through files.
patterns (kind, pattern) as (
  values
    ('a private key', '-----BEGIN [A-Z ]*PRIVATE KEY-----'),
    ('an access key of AWS', '\m(?:AKIA|ASIA)[0-9A-Z]{16}\M'),
    ('a token of GitHub', '\m(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60})'),
    ('a token of GitLab', '\mglpat-[0-9A-Za-z_-]{20}'),
    ('a key of Stripe', '\m(?:(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16}|whsec_[0-9A-Za-z+/]{32})'),
    ('an API key of OpenAI or Anthropic', '\msk-(?:proj-|ant-)?[0-9A-Za-z_-]{32}'),
    ('an API key of SendGrid', '\mSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}'),
    ('a token of Slack', '\mxox[abposr]-[0-9A-Za-z-]{20}|hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{20}'),
    ('an API key of Google', '\m(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28})'),
    ('a key of Supabase', '\m(?:sb_secret_[0-9A-Za-z_-]{20}|sbp_[0-9a-f]{40})'),
    ('a JSON web token', '\meyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20}'),
    ('a password in a URL', '[a-z][a-z0-9+.-]*://[^\s:/@''"]+:[^\s:/@''"${}<>*]{6,}@[^\s@]'),
    ('a password in a connection string', '\m(?:host|hostaddr|dbname|user) *= *[^;\n]{1,200}\mpassword *= *[^\s''"${}<>*%:]{6,}')
),
found as (
  select t.object, p.kind
  from texts t
  join patterns p on t.text ~ p.pattern
  where exists (
    select
    from regexp_matches(t.text, '(' || p.pattern || ')', 'g') m
    where m[1] !~* 'example|placeholder|x{6}|your[-_ ]|://([^:@]*):\1@'
      and (
        p.kind <> 'a JSON web token'
        -- Supabase's key for anon is in every browser, and that of its local stack in its documentation.
        or encode(
          decode(
            left(translate(split_part(m[1], '.', 2), '-_', '+/'), length(split_part(m[1], '.', 2)) / 4 * 4),
            'base64'
          ),
          'escape'
        ) !~ '"role" *: *"anon"|"iss" *: *"supabase-demo"'
      )
  )
  union all
  -- What people write down: a word that has capitals, small letters and digits, and is not the name of a hash.
  select t.object, 'a password'
  from texts t
  where t.object like 'the comment on %'
    and substring(
      t.text from concat(
        '(?i)\m(?:password|passwd|passphrase|pwd|secret|api[_ -]?key)\M[^:=\n]{0,40}[:=]\s*["''`]?',
        '((?!argon|bcrypt|scram|pbkdf|sha-?[0-9])[^\s"''`]{8,})'
      )
    ) ~ '^(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])'
  union all
  -- What looks random after a name that says secret.
  select t.object, 'a secret'
  from texts t
  where t.object like 'the function %'
    and exists (
      select
      from regexp_matches(
        t.text,
        '(?i)(?:secret|passwd|password|api_?key|private_?key|access_?key|service_role_key|token)\w{0,20}["'']?'
          '(?:\s+(?:constant\s+)?(?:text|varchar))?\s*(?:=>|:=|=|:|,|\mto\M)\s*["'']([^''"\s]{16,255})["'']',
        'g'
      ) m
      where m[1] ~ '^(?=.*[A-Za-z])(?=.*[0-9])'
        and m[1] !~* 'example|placeholder|x{6}|your[-_ ]|[$]\{|^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
        and (select count(distinct letter) from unnest(string_to_array(m[1], null)) letter) >= 12
    )
  union all
  -- The names of settings and options tell as much as their values.
  select t.object, 'a secret'
  from texts t
  where (
    t.object ~ '^the setting \S*(?:secret|password|service_role|api_?key|jwt_key|private_key)\S* of (?:this database|role)'
    or t.object ~ '^the setting \S*\.\S*(?:secret|password|service_role|api_?key|jwt_key|private_key)\S* of the server'
    -- An identifier of one in Supabase's Vault is none.
    or t.object ~ '^the option \S*(?:secret|password|passwd|service_role|api_?key|token|private_key|access_key)(?!\S*_(?:id|name)\M)\S* of '
  )
    and split_part(t.text, '=', 2) !~ '^$|^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
    -- The server's own, which holds no secret.
    and t.object !~ '^the setting password_encryption '
)
select distinct object, object || kind as key, kind
from found
order by object, kind;
