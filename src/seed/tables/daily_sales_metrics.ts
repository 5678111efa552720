import { DAY, TODAY } from '../place.ts';
import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(1, 1, 365),
  row: (at) => {
    const day = new Date(TODAY - (at.n + 1) * DAY);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      metric_date: day,
      total_revenue: at.int(0, 20_000_000) / 100,
      deals_won: at.int(0, 12),
      deals_lost: at.int(0, 12),
      new_leads: at.int(0, 60),
      new_contacts: at.int(0, 60),
      activities_completed: at.int(0, 300),
      metadata: {},
      created_at: day,
      updated_at: day,
    };
  },
};
