import { DAY } from '../place.ts';
import { related } from '../related.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(4),
  row: (at) => {
    const stamps = at.stamps();
    const status = at.pick(['pending', 'in_progress', 'completed', 'completed', 'cancelled']);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      type: at.pick(['task', 'call', 'email', 'meeting']),
      subject: at.pick(at.pools.phrases),
      description: at.chance(60) ? at.pick(at.pools.sentences) : null,
      ...related(at),
      owner_id: at.anyOf('employee'),
      assigned_to: at.chance(80) ? at.anyOf('employee') : null,
      priority: at.pick(['low', 'normal', 'normal', 'normal', 'high', 'urgent']),
      status,
      due_date: at.chance(85) ? new Date(stamps.created_at.getTime() + at.int(0, 60) * DAY) : null,
      completed_at: status === 'completed' ? stamps.updated_at : null,
      duration_minutes: at.pick([null, 15, 30, 60, 90]),
      location: at.chance(20) ? at.pick(at.pools.addresses).city : null,
      metadata: { outcome: at.pick(['reached', 'voicemail', 'no answer']) },
      deleted_at: at.deletedAt(stamps.updated_at),
      ...stamps,
    };
  },
};
