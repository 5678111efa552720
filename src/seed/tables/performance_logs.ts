import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(10),
  shared: 20,
  row: (at) => {
    const status = at.pick([200, 200, 200, 200, 201, 204, 304, 400, 404, 500]);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      endpoint: `/api/${at.pick(['contacts', 'accounts', 'leads', 'opportunities', 'activities', 'reports'])}`,
      method: at.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE']),
      // Milliseconds: most requests are quick, a few are not.
      duration: at.chance(97) ? at.int(2_000, 180_000) / 1_000 : at.int(180, 9_000),
      status_code: status,
      error: status === 500 ? at.pick(at.pools.sentences) : null,
      metadata: {},
      created_at: at.stamps().created_at,
    };
  },
};
