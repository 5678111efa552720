-- Title: Connections over the network are encrypted
-- Category: security
-- Thresholds:
-- - warning: local = 0
-- Needs:
-- - role pg_read_all_stats
-- Metric: sessions:count
-- Message: {sessions:count} {noun} of {role} from {address} ({application}): not encrypted{server}
-- Remediation: {fix}
-- Why: Without TLS everybody on the way reads what is asked and answered. Sessions through a socket or from the server
--   itself do not leave it and are not counted. On the client, sslmode=verify-full also proves who the server is.
-- Table:
-- - role as Role
-- - address as Address
-- - application as Application
-- - sessions:count as Sessions not encrypted
-- Manual: 12.4

select
  format('%I from %s', a.usename, host(a.client_addr)) as object,
  quote_ident(a.usename) as role,
  host(a.client_addr) as address,
  coalesce(nullif(min(a.application_name), ''), 'no application name') as application,
  count(*) as sessions,
  case count(*) when 1 then 'session' else 'sessions' end as noun,
  (a.client_addr <<= '127.0.0.0/8' or a.client_addr = '::1')::int as local,
  case when current_setting('ssl') = 'on' then '' else '; the server offers no TLS: ssl is off' end as server,
  case
    when current_setting('ssl') = 'on'
      then 'Use hostssl instead of host in pg_hba.conf, and sslmode=verify-full where '
        || quote_ident(a.usename) || ' connects.'
    else 'Give the server a certificate (ssl_cert_file, ssl_key_file), then: alter system set ssl = on;'
  end as fix
from pg_stat_activity a
join pg_stat_ssl s on s.pid = a.pid
left join pg_stat_gssapi g on g.pid = a.pid
where a.client_addr is not null
  and not s.ssl
  -- Kerberos encrypts as well.
  and g.encrypted is distinct from true
  and a.backend_type in ('client backend', 'walsender')
group by a.usename, a.client_addr
order by local, sessions desc, object;
