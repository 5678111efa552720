import type { Place } from '../place.ts';
import { perContacts, type SeedTable } from '../table.ts';

const BCRYPT = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export const table: SeedTable = {
  rows: perContacts(1_000, 1, 5),
  row: (at) => {
    const stamps = at.stamps();
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      name: `${at.pick(at.pools.words)} ${at.n + 1}`,
      key_hash: hashOfNothing(at),
      key_prefix: `ak_${at.id.slice(0, 8)}`,
      is_active: at.chance(80),
      rate_limit_per_minute: at.pick([60, 120, 600]),
      last_used_at: at.chance(70) ? stamps.updated_at : null,
      expires_at: at.chance(50) ? new Date(Date.UTC(2027, at.int(0, 11), 1)) : null,
      metadata: { scopes: ['contacts:read'] },
      ...stamps,
    };
  },
};

/** The form of a bcrypt hash, without anything it would be the hash of. */
function hashOfNothing(at: Place): string {
  return `$2b$12$${Array.from({ length: 53 }, () => BCRYPT[at.int(0, BCRYPT.length - 1)]).join('')}`;
}
