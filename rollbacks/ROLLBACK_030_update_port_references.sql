-- ============================================
-- Migration: ROLLBACK_030_update_port_references.sql
-- Description: Return to the local addresses before the Docker ports
-- Date: 2025-11-09
-- Author: Aisha CRM <dba@aishacrm.com>
-- Reverts: 030_update_port_references.sql
-- ============================================

do $$
begin
  perform lift_forced_rls('tenant', 'tenant_integrations');
  alter table tenant disable trigger user;
  alter table tenant_integrations disable trigger user;

  update tenant
  set metadata = (metadata - 'FRONTEND_URL_before_030')
    || jsonb_build_object('FRONTEND_URL', metadata -> 'FRONTEND_URL_before_030')
  where metadata ? 'FRONTEND_URL_before_030';

  update tenant_integrations
  set
    webhook_url = metadata ->> 'webhook_url_before_030',
    metadata = metadata - 'webhook_url_before_030'
  where metadata ? 'webhook_url_before_030';

  alter table tenant enable trigger user;
  alter table tenant_integrations enable trigger user;
  perform restore_forced_rls();
end
$$;
