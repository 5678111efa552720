import { defaultFile, exportTable, oneTenant } from '../../cli/one-tenant.ts';
import { quantity } from '../../report/quantity.ts';
import type { CommandResult } from '../../report/report.ts';
import { deleteOne, inspectTenant, refuseCrossings } from '../../tenants/one-tenant.ts';
import type { TenantName } from '../../tenants/plan.ts';
import type { TenantInventory } from '../../tenants/transfer.ts';
import type { TenantAction } from '../tenant.ts';

export const run: TenantAction['run'] = async (context, args, options) => {
  const tenant = await oneTenant(context, args[0]!, options);
  const { name, inventory } = await inspectTenant(tenant);
  const blocked = inventory.crossings.length > 0 ? refuseCrossings(name, inventory.crossings) : undefined;
  if (options.dryRun || blocked !== undefined) {
    return { ...describePlan(name, inventory), ...(blocked === undefined ? {} : { error: blocked }) };
  }
  for (const { table, rows } of inventory.tables)
    if (rows > 0) context.talk.warn(`${table.label}: ${quantity(rows)} rows`);
  context.talk.warn(`all of it goes: tenant ${name.uuid} (${name.slug})`);
  await context.confirm(tenant.target);
  const { exported, deleted } = await deleteOne(tenant, defaultFile(context, args[0]!, options.file));
  return {
    text: `${quantity(deleted)} rows of tenant ${name.uuid} (${name.slug}) are deleted; they are in ${exported.file}`,
    tables: [exportTable(exported)],
    data: { tenant: name, deleted, export: { ...exported, tables: Object.fromEntries(exported.tables) } },
  };
};

/** The plan, in the order in which it would be carried out: children before parents. */
function describePlan({ uuid, slug }: TenantName, { tables, crossings }: TenantInventory): CommandResult {
  const planned = tables.toReversed().filter(({ rows }) => rows > 0);
  const total = planned.reduce((sum, { rows }) => sum + rows, 0);
  return {
    text: `tenant ${uuid} (${slug}) has ${quantity(total)} rows in ${planned.length} tables; nothing was deleted`,
    tables: [
      {
        columns: ['table', 'rows', 'why'],
        rows: planned.map(({ table, rows }) => [table.label, quantity(rows), table.because]),
        alignRight: [1],
      },
    ],
    data: {
      tenant: { uuid, slug },
      plan: planned.map(({ table, rows }) => ({ table: table.label, rows, because: table.because })),
      crossings,
    },
  };
}
