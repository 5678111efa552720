import { perContacts, type SeedTable } from '../table.ts';

/** Leads that became contacts: never more than there are of either. */
export const table: SeedTable = {
  rows: perContacts(20),
  row: (at) => {
    const contact = at.at('contacts', at.n);
    const { first, last } = contact.person();
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      entity_id: contact.id,
      from_type: 'lead',
      to_type: 'contact',
      transition_data: { id: contact.id, status: 'qualified', first_name: first, last_name: last },
      created_at: at.stamps().created_at,
    };
  },
};
