-- ============================================
-- Migration: 030_update_port_references.sql
-- Description: Point local addresses at the Docker ports 4000 (frontend) and 4001 (backend)
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 004_tenant_integrations.sql, 006_tenant_table.sql, 023_comprehensive_rls_security.sql
-- Rollback: ROLLBACK_030_update_port_references.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - tenant: FRONTEND_URL in metadata
-- - tenant_integrations: webhook_url
--
-- Indexes Added:
-- - None

-- 5173 and 3001 are the ports of the development servers the containers replaced. Only addresses of
-- this machine change. The address before is kept in metadata, for the rollback.
do $$
declare
  local_host constant text := '^(https?://(?:localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal)):';
begin
  perform lift_forced_rls('tenant', 'tenant_integrations');
  alter table tenant disable trigger user;
  alter table tenant_integrations disable trigger user;

  update tenant
  set metadata = metadata || jsonb_build_object(
    'FRONTEND_URL', regexp_replace(
      regexp_replace(metadata ->> 'FRONTEND_URL', local_host || '5173(?!\d)', '\1:4000'),
      local_host || '3001(?!\d)', '\1:4001'
    ),
    'FRONTEND_URL_before_030', metadata -> 'FRONTEND_URL'
  )
  where metadata ->> 'FRONTEND_URL' ~ (local_host || '(5173|3001)(?!\d)');

  update tenant_integrations
  set
    webhook_url = regexp_replace(
      regexp_replace(webhook_url, local_host || '5173(?!\d)', '\1:4000'),
      local_host || '3001(?!\d)', '\1:4001'
    ),
    metadata = coalesce(metadata, '{}') || jsonb_build_object('webhook_url_before_030', webhook_url)
  where webhook_url ~ (local_host || '(5173|3001)(?!\d)');

  alter table tenant enable trigger user;
  alter table tenant_integrations enable trigger user;
  perform restore_forced_rls();
end
$$;
