import type { SeedTable } from '../table.ts';
import { INTEGRATIONS } from './tenant_integrations.ts';

export const table: SeedTable = {
  rows: () => INTEGRATIONS.length,
  row: (at) => {
    const stamps = at.stamps();
    const status = at.pick(['healthy', 'healthy', 'healthy', 'degraded', 'failing', 'unknown']);
    const errors = status === 'degraded' ? at.int(1, 4) : status === 'failing' ? at.int(5, 90) : 0;
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      integration_id: at.idOf('tenant_integrations', at.n),
      status,
      last_sync_at: stamps.updated_at,
      last_success_at: status === 'healthy' ? stamps.updated_at : stamps.created_at,
      error_count: errors,
      last_error: errors > 0 ? at.pick(at.pools.sentences) : null,
      metadata: {},
      ...stamps,
    };
  },
};
