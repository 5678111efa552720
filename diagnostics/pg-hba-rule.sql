-- Title: Logins are asked who they are, over an encrypted connection
-- Category: security
-- Thresholds:
-- - info: level = 0
-- - warning: level = 1
-- - critical: level = 2
-- Needs:
-- - function pg_catalog.pg_hba_file_rules()
-- Message: the rule "{rule}" {problems}
-- Remediation: {fix}
-- Why: pg_hba.conf says who may connect from where and how they show who they are. A rule with trust asks nobody: whoever
--   reaches the port is any role he names, superusers included. A rule of the kind host also lets in connections without
--   TLS, unless a rule before it rejects those. Only superusers and whom they let call pg_hba_file_rules() see the rules;
--   a platform that keeps them for you does not: switch the check off there, with the reason (docs/security-checklist.md).
-- Manual: 12.4

with rules as (
  select
    r.file_name,
    r.number,
    r.line_number,
    r.type,
    r.database,
    r.user_name,
    r.address,
    r.netmask,
    r.auth_method as method,
    r.error,
    -- A name of a host is one of several machines; all is a word, not a name.
    case
      when r.type = 'local' or r.address = 'samehost' then 'local'
      when r.address ~ '^127\.' or r.address = '::1' or r.address = 'localhost' then 'local'
      when r.address = 'all' or r.netmask in ('0.0.0.0', '::') then 'everywhere'
      else 'network'
    end as reach,
    r.address = 'all' as both_families,
    r.address ~ ':' as is_v6,
    r.database = '{all}' and r.user_name = '{all}' as for_all,
    concat_ws(
      ' ', r.type, array_to_string(r.database, ','), array_to_string(r.user_name, ','), r.address, r.netmask, r.auth_method
    ) as rule
  from (
    -- file_name is a column from PostgreSQL 16 on, when a file may include others.
    select f.*
    from (select null::text as file_name) before
    cross join lateral (
      select file_name, ordinality as number, line_number, type, database, user_name, address, netmask, auth_method, error
      from pg_hba_file_rules() with ordinality
    ) f
  ) r
),
judged as (
  select
    r.*,
    r.type in ('host', 'hostnossl', 'hostnogssenc')
      and r.reach <> 'local'
      and r.method <> 'reject'
      -- The first rule that fits decides.
      and not exists (
        select
        from rules b
        where b.number < r.number
          and b.method = 'reject'
          and b.type in ('host', 'hostnossl')
          and b.for_all
          and b.reach = 'everywhere'
          and (b.both_families or (b.is_v6 = r.is_v6 and not r.both_families))
      ) as in_clear
  from rules r
),
problems as (
  select j.number, p.level, p.problem, p.fix
  from judged j
  cross join lateral (
    values
      (
        j.method = 'trust',
        case j.reach when 'local' then 1 else 2 end,
        'asks nobody who they are',
        'ask for a password, with scram-sha-256 in place of trust'
      ),
      (
        j.method = 'password' and j.in_clear,
        1,
        'lets passwords be sent in clear text',
        'use scram-sha-256 in place of password'
      ),
      (
        j.method = 'ident' and j.type <> 'local' and j.reach <> 'local',
        1,
        'believes whatever the other machine says',
        'ask for a password, with scram-sha-256 in place of ident'
      ),
      (
        j.method = 'md5',
        0,
        'takes passwords that are stored as MD5',
        'set the passwords again as SCRAM, then scram-sha-256 in place of md5'
      ),
      (
        j.in_clear and j.method <> 'trust',
        case j.method when 'password' then 1 else 0 end,
        'lets connections in that are not encrypted',
        'use hostssl'
      ),
      (
        j.reach = 'everywhere' and j.method not in ('reject', 'cert'),
        0,
        'lets every address in',
        'name the networks that clients come from'
      )
  ) p (found, level, problem, fix)
  -- A rule that can never fit, such as hostssl where ssl is off, has its error in the last column.
  where p.found and j.error is null
)
select
  format('%s line %s', coalesce(j.file_name, 'pg_hba.conf'), j.line_number) as object,
  j.rule as key,
  j.rule,
  f.level,
  f.problems,
  format(
    'In line %s of pg_hba.conf: %s. Then: select pg_reload_conf();',
    j.line_number,
    f.fix
  ) as fix,
  null::text as undecided,
  null::text as decided_by
from judged j
join (
  select
    number,
    max(level) as level,
    string_agg(problem, ' and ' order by level desc, problem) as problems,
    string_agg(fix, '; ' order by level desc, problem) as fix
  from problems
  group by number
) f on f.number = j.number
union all
select
  format('%s line %s', coalesce(file_name, 'pg_hba.conf'), line_number),
  error,
  '',
  1,
  '',
  '',
  format('line %s of pg_hba.conf cannot be read: %s', line_number, error),
  format('Mend line %s of pg_hba.conf; the server goes on with the rules that it read before.', line_number)
from rules
where error is not null and type is null
order by level desc, object;
