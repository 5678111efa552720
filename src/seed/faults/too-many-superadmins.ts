import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'a dozen active accounts that see every tenant',
  manual: '7.2 (027), 12.4',
  foundBy: 'diagnose superadmin-count',
  inRows: true,
  plant: `
    insert into users (email, first_name, last_name, role, status)
    select 'fault-superadmin-' || n || '@example.com', 'Fault', 'Superadmin', 'superadmin', 'active'
    from generate_series(1, 12) n
    where not exists (select from users where email = 'fault-superadmin-' || n || '@example.com')`,
  evidence: `
    select format('%s superadmins', count(*)) as object
    from users
    where role = 'superadmin' and status = 'active'
    having count(*) > 3`,
};
