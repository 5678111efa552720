import type { Context } from '../commands/command.ts';
import { Session } from '../postgres/session.ts';
import { findTenantTable, type TenantTable } from '../tenants/tenant-table.ts';
import { runHooks } from './migration.ts';

/** A session for reading, and the table of tenants in it; the caller closes the session. */
export async function openTenantSession(
  context: Context,
  table: string,
): Promise<{ readonly session: Session; readonly tenantTable: TenantTable }> {
  const target = await context.target();
  const session = await Session.open(target, {
    applicationName: 'aisha-db tenant',
    settings: { default_transaction_read_only: 'on', lock_timeout: String(context.config.lockTimeoutMs) },
    signal: context.signal,
  });
  try {
    // Whatever a query waits for: the run is to end now.
    context.signal.addEventListener('abort', () => session.destroy(), { once: true });
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    runHooks(context, target).connected(row!.v);
    return { session, tenantTable: await findTenantTable(session, table) };
  } catch (error) {
    await session.close();
    throw error;
  }
}
