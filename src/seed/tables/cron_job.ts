import type { SeedTable } from '../table.ts';

const HANDLERS = ['sync_integrations', 'send_campaigns', 'archive_sessions'];

export const table: SeedTable = {
  rows: () => HANDLERS.length,
  shared: 1,
  row: (at) => {
    const stamps = at.stamps();
    const failed = at.chance(10);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      name: `${HANDLERS[at.n]} (${at.pick(at.pools.words)})`,
      schedule: at.pick(['*/5 * * * *', '0 3 * * *', '0 2 * * 0']),
      handler: HANDLERS[at.n]!,
      payload: { batch_size: at.pick([100, 500]) },
      is_active: at.chance(90),
      last_run_at: stamps.updated_at,
      next_run_at: new Date(stamps.updated_at.getTime() + 3_600_000),
      last_status: failed ? 'failed' : 'succeeded',
      last_error: failed ? at.pick(at.pools.sentences) : null,
      metadata: {},
      ...stamps,
    };
  },
};
