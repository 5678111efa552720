import type { SeedTable } from '../table.ts';

/** What campaigns refer to by its place in this list. */
export const INTEGRATIONS = [
  { type: 'email_sending_profile', isActive: true },
  { type: 'callfluent', isActive: true },
  { type: 'thoughtly', isActive: true },
  { type: 'email_sending_profile', isActive: false },
  { type: 'google_calendar', isActive: true },
  { type: 'slack', isActive: true },
] as const;

export const table: SeedTable = {
  rows: () => INTEGRATIONS.length,
  row: (at) => {
    const { type, isActive } = INTEGRATIONS[at.n]!;
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      integration_type: type,
      integration_name: `${at.pick(at.pools.words)} (${type})`,
      // Where the credentials are kept, not what they are.
      api_credentials: { vault_path: `integrations/${at.id}` },
      webhook_url: `https://hooks.${at.slug}.example/${type}`,
      is_active: isActive,
      config: type === 'email_sending_profile' ? { from: `news@${at.slug}.example` } : { region: 'eu' },
      metadata: {},
      ...at.stamps(),
    };
  },
};
