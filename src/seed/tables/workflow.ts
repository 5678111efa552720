import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(1_000, 2, 20),
  row: (at) => ({
    id: at.id,
    tenant_id: at.tenant.id,
    name: at.pick(at.pools.phrases),
    description: at.pick(at.pools.sentences),
    trigger_type: at.pick(['manual', 'schedule', 'record_created', 'record_updated']),
    trigger_config: { entity: at.pick(['contact', 'lead', 'opportunity']) },
    steps: [{ action: 'send_email', delay_minutes: at.int(0, 120) }, { action: 'create_task' }],
    is_active: at.chance(80),
    metadata: {},
    ...at.stamps(),
  }),
};
