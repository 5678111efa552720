import { perContacts, type SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: perContacts(500, 3, 400),
  row: (at) => {
    const { first, last } = at.person();
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      email: at.employeeEmail(at.n),
      // Nobody can log in: a password, or the hash of one, has no place in a file.
      password_hash: null,
      first_name: first,
      last_name: last,
      role: at.n === 0 ? 'admin' : at.pick(['employee', 'employee', 'employee', 'manager']),
      status: at.n > 0 && at.chance(5) ? 'inactive' : 'active',
      phone: at.pick(at.pools.phones),
      department: at.pick(['Sales', 'Marketing', 'Support', 'Finance', 'IT & Security']),
      metadata: { hired: at.pick(['2023', '2024', '2025']) },
      ...at.stamps(),
    };
  },
};
