import { perContacts, type SeedTable } from '../table.ts';

/** Mailboxes of a function: no employee has one, so that no address is in both tables. */
const MAILBOXES = ['owner', 'admin', 'billing', 'it', 'office'];

export const table: SeedTable = {
  rows: perContacts(2_000, 1, 25),
  row: (at) => {
    const { first, last } = at.person();
    const round = Math.floor(at.n / MAILBOXES.length);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      email: `${MAILBOXES[at.n % MAILBOXES.length]}${round === 0 ? '' : round}@${at.slug}.example`,
      // Nobody can log in: a password, or the hash of one, has no place in a file.
      password_hash: null,
      first_name: first,
      last_name: last,
      role: at.n === 0 ? 'admin' : 'user',
      status: at.n > 0 && at.chance(10) ? 'inactive' : 'active',
      metadata: {},
      ...at.stamps(),
    };
  },
};
