import { perContacts, type SeedTable } from '../table.ts';

/**
 * A history as the audit triggers write it (007, 019). They are off while the seed is loaded: what they wrote would
 * have the time and ids of the run.
 */
export const table: SeedTable = {
  rows: perContacts(20),
  row: (at) => {
    const n = at.int(0, at.tenant.rows['contacts']! - 1);
    const contact = at.at('contacts', n);
    const { first, last } = contact.person();
    const now = { id: contact.id, tenant_id: at.tenant.id, first_name: first, last_name: last };
    const action = at.pick(['INSERT', 'UPDATE', 'UPDATE']);
    return {
      id: at.id,
      action,
      table_name: 'contacts',
      record_id: contact.id,
      old_data: action === 'UPDATE' ? { ...now, last_name: at.pick(at.pick(at.pools.names).last).text } : null,
      new_data: now,
      changed_by: at.employeeEmail(at.int(0, at.tenant.rows['employee']! - 1)),
      changed_at: at.stamps().created_at,
    };
  },
};
