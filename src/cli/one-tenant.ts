import { resolve } from 'node:path';
import type { Context } from '../commands/command.ts';
import type { TenantOptions } from '../commands/tenant.ts';
import { quantity } from '../report/quantity.ts';
import type { ReportTable } from '../report/report.ts';
import type { OneTenantOptions } from '../tenants/one-tenant.ts';
import type { TenantExport } from '../tenants/transfer.ts';
import { runHooks } from './migration.ts';

/** What export and delete need to know of a run. */
export async function oneTenant(context: Context, tenant: string, options: TenantOptions): Promise<OneTenantOptions> {
  const target = await context.target();
  const { connected } = runHooks(context, target);
  return {
    target,
    tenant,
    table: options.table,
    column: options.column,
    lockTimeoutMs: context.config.lockTimeoutMs,
    signal: context.signal,
    onTable: (line) => context.talk.info(line),
    connected,
  };
}

/** Where an export goes when nobody says: never onto an earlier one. */
export function defaultFile({ cwd }: Context, tenant: string, file: string | undefined): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return resolve(cwd, file ?? `tenant-${tenant.toLowerCase()}-${time}.sql`);
}

/** The tables of an export that have rows. */
export function exportTable({ tables }: TenantExport): ReportTable {
  return {
    columns: ['table', 'rows'],
    rows: [...tables].filter(([, rows]) => rows > 0).map(([table, rows]) => [table, quantity(rows)]),
    alignRight: [1],
  };
}
