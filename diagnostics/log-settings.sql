-- Title: The log tells who connected and what was changed
-- Category: security
-- Severity: info
-- Message: {object} is {value}: {consequence}
-- Remediation: {fix}
-- Why: After an incident the log says who was there. Statements that change the schema are few and worth a line each;
--   every statement is too much, and has personal data in it. What a role or the database sets for itself counts as well.
--   On Supabase the dashboard has these settings.
-- Manual: 12.4

with places as (
  -- What a session of this role gets may come from its own settings or the database's: those stand below.
  select name, name as object, setting as value, 'alter system' as command
  from pg_settings
  where source not in ('database', 'user', 'database user', 'session', 'client')
  union all
  select
    split_part(setting, '=', 1),
    format('%s of %s', split_part(setting, '=', 1), place.name),
    substr(setting, strpos(setting, '=') + 1),
    'alter ' || place.target
  from pg_db_role_setting s
  cross join unnest(s.setconfig) setting
  cross join lateral (
    select
      case
        when s.setrole = 0 then 'this database'
        when s.setdatabase = 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole))
        else format('role %I in this database', pg_get_userbyid(s.setrole))
      end as name,
      case
        when s.setrole = 0 then 'database ' || quote_ident(current_database())
        when s.setdatabase = 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole))
        else format('role %I in database %I', pg_get_userbyid(s.setrole), current_database())
      end as target
  ) place
  where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
),
judged as (
  select
    p.object,
    p.command,
    p.name,
    case p.name
      when 'log_line_prefix' then quote_literal(p.value)
      else coalesce(nullif(p.value, ''), 'off')
    end as value,
    case p.name
      when 'log_connections' then case when p.value in ('off', '', 'false', '0', 'no') then 'logins leave no trace' end
      when 'log_statement' then case
        when p.value = 'all' then 'whatever clients send, secrets and personal data included, ends in the log'
        -- pgaudit writes them itself.
        when p.value = 'none' and coalesce(current_setting('pgaudit.log', true), '') !~* '(^|,) *(all|ddl) *(,|$)'
          then 'changes of the schema leave no trace'
      end
      when 'log_min_duration_statement' then case
        when p.value ~ '^0' then 'whatever clients send, secrets and personal data included, ends in the log'
      end
      -- The other destinations have columns for who and where.
      when 'log_line_prefix' then case
        when p.value !~ '%u' and current_setting('log_destination') !~ 'csvlog|jsonlog'
          then 'lines do not say who (%u) did it, and in which database (%d)'
      end
    end as consequence,
    case p.name
      when 'log_connections' then 'on'
      when 'log_statement' then 'ddl'
      when 'log_min_duration_statement' then '''1s'''
      else '''%m [%p] %q%u@%d '''
    end as better
  from places p
)
select
  object,
  value,
  consequence,
  case command
    when 'alter system' then format('alter system set %s = %s; select pg_reload_conf();', name, better)
    else format('%s reset %s;', command, name)
  end as fix
from judged
where consequence is not null
order by object;
