import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(40),
  row: (at) => {
    const stamps = at.stamps();
    const status = at.pick(['pending', 'running', 'completed', 'completed', 'completed', 'failed']);
    const isDone = status === 'completed' || status === 'failed';
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      workflow_id: at.anyOf('workflow'),
      status,
      input: { contact_id: at.anyOf('contacts') },
      output: status === 'completed' ? { sent: at.int(0, 3) } : {},
      error: status === 'failed' ? at.pick(at.pools.sentences) : null,
      started_at: status === 'pending' ? null : stamps.created_at,
      finished_at: isDone ? stamps.updated_at : null,
      metadata: {},
      ...stamps,
    };
  },
};
