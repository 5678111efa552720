import { DAY, type Place, TODAY } from '../place.ts';
import type { SeedTable } from '../table.ts';

export const table: SeedTable = {
  rows: () => 1,
  row: (at) => ({
    id: at.id,
    slug: at.slug,
    name: nameOf(at),
    plan: at.pick(['free', 'pro', 'pro', 'team', 'enterprise']),
    status: at.pick(['active', 'active', 'active', 'active', 'trial', 'suspended']),
    settings: { locale: at.pick(['en-US', 'de-DE', 'ar-EG', 'ja-JP']), timezone: at.pick(['UTC', 'Europe/Berlin']) },
    metadata: { onboarded_by: at.pick(['self-service', 'sales', 'partner']) },
    ...at.stamps(TODAY - 3 * 365 * DAY),
  }),
};

/** Every third tenant has a hostile name: that of its second account. */
function nameOf(at: Place): string {
  return at.company(at.tenant.index % 3 === 2 ? 1 : 0);
}
