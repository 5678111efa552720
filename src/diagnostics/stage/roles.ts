import type pg from 'pg';
import { quoteLiteral } from '../../postgres/quote.ts';
import type { StageAddress } from './database.ts';

/** The roles of a Supabase project: databases belong to a role that is no superuser, and the three roles of the API. */
const ROLES = {
  app_owner: 'login nosuperuser createdb createrole',
  app_reader: 'login nosuperuser',
  anon: 'nologin',
  authenticated: 'nologin',
  service_role: 'nologin bypassrls',
} as const;

/** Makes them, or makes them so; app_owner sees and ends sessions as Supabase's `postgres` does. */
export async function createStageRoles(
  client: pg.Client,
  { password, versionNumber }: Pick<StageAddress, 'password' | 'versionNumber'>,
): Promise<void> {
  for (const [role, attributes] of Object.entries(ROLES)) {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
    await client.query(`${rowCount ? 'alter' : 'create'} role ${role} ${attributes}`);
  }
  for (const role of ['app_owner', 'app_reader'])
    await client.query(`alter role ${role} password ${quoteLiteral(password)}`);
  await client.query('grant anon, authenticated, service_role, pg_monitor, pg_signal_backend to app_owner');
  if (versionNumber >= 140_000) await client.query('grant pg_read_all_data to app_reader');
}
