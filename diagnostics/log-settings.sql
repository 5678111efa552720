-- Title: The log tells who connected and what was changed
-- Category: security
-- Severity: info
-- Message: {object} is {value}: {consequence}
-- Remediation: {fix}
-- Why: After an incident the log says who was there. Statements that change the schema are few and worth a line each;
--   every statement is too much, and has personal data in it. On Supabase the dashboard has these settings.
-- Manual: 12.4

select
  s.name as object,
  s.value,
  s.consequence,
  s.fix
from (
  select
    'log_connections' as name,
    coalesce(nullif(current_setting('log_connections'), ''), 'off') as value,
    'logins leave no trace' as consequence,
    'alter system set log_connections = on; select pg_reload_conf();' as fix,
    current_setting('log_connections') in ('off', '') as found
  union all
  select
    'log_statement',
    current_setting('log_statement'),
    case current_setting('log_statement')
      when 'all' then 'whatever clients send, secrets and personal data included, ends in the log'
      else 'changes of the schema leave no trace'
    end,
    'alter system set log_statement = ddl; select pg_reload_conf();',
    current_setting('log_statement') in ('all', 'none')
    -- pgaudit writes them itself.
    and not (
      current_setting('log_statement') = 'none'
      and coalesce(current_setting('pgaudit.log', true), '') ~* '(^|,) *(all|ddl) *(,|$)'
    )
) s
where s.found
order by object;
