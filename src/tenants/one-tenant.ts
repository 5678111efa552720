import { AishaError } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { isUuid, normalise } from './identifier.ts';
import { planTenant, type TenantName, type TenantPlan } from './plan.ts';
import { readCatalog } from './tables.ts';
import { findTenantTable, readTenants } from './tenant-table.ts';
import {
  countTenant,
  deleteTenant,
  exportTenant,
  refuseHidden,
  type TenantExport,
  type TenantInventory,
  type TransferOptions,
} from './transfer.ts';

export interface OneTenantOptions extends TransferOptions {
  readonly target: Target;
  /** The table of tenants: `schema.name`. */
  readonly table: string;
  /** The column that says whose a row is. */
  readonly column: string;
  /** As it was typed. */
  readonly tenant: string;
  readonly lockTimeoutMs: number;
  readonly connected: (serverVersion: string) => void;
}

interface Found {
  readonly session: Session;
  readonly name: TenantName;
  readonly plan: TenantPlan;
}

/** What a tenant has, without any change. */
export function inspectTenant(options: OneTenantOptions): Promise<{ name: TenantName; inventory: TenantInventory }> {
  return inTransaction(options, 'read only', async ({ session, name, plan }) => ({
    name,
    inventory: await countTenant(session, plan),
  }));
}

/** Writes every row of a tenant, as of one moment, into a file. */
export function exportOne(
  options: OneTenantOptions,
  file: string,
): Promise<{ name: TenantName; exported: TenantExport }> {
  return inTransaction(options, 'read only', async ({ session, name, plan }) => ({
    name,
    exported: await exportTenant(session, plan, name, file, options),
  }));
}

/**
 * Exports every row of a tenant and deletes exactly these, in one transaction: nothing of it happens, or all. Half a
 * tenant would be worse than a long transaction. A row that somebody changes meanwhile ends it (repeatable read), and
 * the lock on the tenant keeps new rows that refer to it from appearing.
 * @throws AishaError (plan) when rows of others refer to rows of the tenant; (rolledBack, lock) when nothing was deleted
 */
export function deleteOne(
  options: OneTenantOptions,
  file: string,
): Promise<{ name: TenantName; exported: TenantExport; deleted: number }> {
  return inTransaction(options, 'read write', async ({ session, name, plan }) => {
    const { crossings } = await countTenant(session, { ...plan, groups: [] });
    if (crossings.length > 0) throw refuseCrossings(name, crossings);
    const exported = await exportTenant(session, plan, name, file, options);
    const deleted = await deleteTenant(session, plan, exported, options);
    return { name, exported, deleted };
  });
}

/** Rows of others would be deleted, emptied or left without what they refer to. */
export function refuseCrossings({ uuid }: TenantName, crossings: TenantInventory['crossings']): AishaError {
  return new AishaError('plan', `rows of others refer to rows of tenant ${uuid}`, {
    details: crossings.map(
      ({ table, parent, foreignKey, onDelete, rows }) =>
        `${table}: ${rows} ${rows === 1 ? 'row refers' : 'rows refer'} to ${parent} by ${foreignKey} (on delete ${onDelete})`,
    ),
    hint: 'Nothing was deleted. Correct these rows first: aisha-db tenant check and aisha-db orphans find such rows.',
  });
}

async function inTransaction<T>(
  options: OneTenantOptions,
  access: 'read only' | 'read write',
  use: (found: Found) => Promise<T>,
): Promise<T> {
  requireUuid(options.tenant);
  const session = await Session.open(options.target, { applicationName: 'aisha-db tenant', signal: options.signal });
  const cut = (): void => session.destroy();
  options.signal.addEventListener('abort', cut, { once: true });
  try {
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    options.connected(row!.v);
    const begun = await session.script([
      `begin isolation level repeatable read ${access}; set local lock_timeout = ${options.lockTimeoutMs}`,
    ]);
    if (begun.error !== undefined) throw begun.error;
    const result = await use(await find(session, options, access));
    const committed = await session.script(['commit']);
    if (committed.error !== undefined) throw committed.error;
    return result;
  } catch (error) {
    // In the middle of a COPY there is no other way back; the server undoes what is not committed.
    session.destroy();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', cut);
    await session.close();
  }
}

async function find(session: Session, options: OneTenantOptions, access: string): Promise<Found> {
  const table = await findTenantTable(session, options.table);
  const uuid = normalise(options.tenant);
  const rows = await readTenants(session, table, [uuid], access === 'read write' ? 'for update' : '');
  const row = rows.find(({ id }) => id === uuid);
  if (row === undefined) {
    throw new AishaError('usage', `tenant "${options.tenant}" is unknown`, {
      hint: 'aisha-db tenant list shows the tenants of this database.',
    });
  }
  const name = { uuid, slug: row.slug ?? '' };
  const catalog = await readCatalog(session, table, options.column);
  const plan = planTenant(catalog, options.column, name);
  refuseHidden(plan, catalog.role);
  return { session, name, plan };
}

/** A slug can be given to another tenant: what is exported or deleted is named by what never changes (manual 7.4). */
function requireUuid(tenant: string): void {
  if (isUuid(tenant)) return;
  throw new AishaError('usage', `"${tenant}" is not the UUID of a tenant`, {
    hint: `Whole tenants are named by their UUID: aisha-db tenant resolve ${/^[\w-]+$/.test(tenant) ? tenant : 'SLUG'} shows it.`,
  });
}
