-- Title: The server offers TLS, and none that is broken
-- Category: security
-- Severity: warning
-- Message: {what}
-- Remediation: {fix}
-- Why: A server that listens beyond its own machine and offers no TLS sends whatever is asked and answered in clear text,
--   whoever connects. Whether sessions use what is offered says unencrypted-connection, and whether they have to
--   pg-hba-rule. A server behind a proxy on the same machine need not offer it: let it listen on localhost only.
-- Manual: 12.4

with settings as (
  select
    current_setting('ssl') as ssl,
    current_setting('listen_addresses') as listened,
    -- Hidden from whoever has not the rights of pg_read_all_settings.
    (select setting from pg_settings where name = 'ssl_min_protocol_version') as oldest
)
select
  'ssl' as object,
  format('ssl is off, and the server listens beyond its own machine (listen_addresses = %s)', listened) as what,
  'Give the server a certificate (ssl_cert_file, ssl_key_file), then: alter system set ssl = on; select pg_reload_conf();'
    as fix,
  null::text as undecided,
  null::text as decided_by
from settings
where ssl = 'off'
  and exists (
    select
    from unnest(string_to_array(listened, ',')) address
    where trim(address) !~ '^(localhost|127\.[0-9.]+|::1|)$'
  )
union all
select
  'ssl_min_protocol_version',
  format(
    'ssl_min_protocol_version is %s: connections may use a TLS that has been broken',
    coalesce(nullif(oldest, ''), 'empty')
  ),
  'alter system set ssl_min_protocol_version = ''TLSv1.2''; select pg_reload_conf();',
  case when oldest is null then format('%I may not see ssl_min_protocol_version', current_user) end,
  case when oldest is null then format('grant pg_read_all_settings to %I;', current_user) end
from settings
where oldest is null or oldest in ('', 'TLSv1', 'TLSv1.1')
order by object;
