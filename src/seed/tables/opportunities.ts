import { DAY, TODAY } from '../place.ts';
import { perContacts, type SeedTable } from '../table.ts';

/** Per cent that a deal in that stage is won. */
const STAGES: Readonly<Record<string, number>> = {
  qualification: 10,
  proposal: 40,
  negotiation: 70,
  closed_won: 100,
  closed_lost: 0,
};

export const table: SeedTable = {
  rows: perContacts(8),
  row: (at) => {
    const stage = at.pick(Object.keys(STAGES));
    const stamps = at.stamps();
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      account_id: at.chance(95) ? at.anyOf('accounts') : null,
      contact_id: at.chance(90) ? at.anyOf('contacts') : null,
      owner_id: at.anyOf('employee'),
      name: `${at.pick(at.pools.products)} for ${at.company(at.int(0, at.tenant.rows['accounts']! - 1))}`.slice(0, 255),
      type: at.pick(['new business', 'renewal', 'upsell']),
      stage,
      probability: STAGES[stage]!,
      amount: at.int(5, 50_000) * 10,
      close_date: new Date(at.between(stamps.created_at.getTime(), TODAY + 180 * DAY)),
      description: at.pick(at.pools.sentences),
      next_step: at.pick(at.pools.phrases),
      lead_source: at.pick(['Website', 'Referral', 'Trade show']),
      metadata: {},
      deleted_at: at.deletedAt(stamps.updated_at),
      ...stamps,
    };
  },
};
