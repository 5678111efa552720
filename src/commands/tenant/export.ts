import { defaultFile, exportTable, oneTenant } from '../../cli/one-tenant.ts';
import { quantity } from '../../report/quantity.ts';
import { exportOne } from '../../tenants/one-tenant.ts';
import type { TenantAction } from '../tenant.ts';

export const run: TenantAction['run'] = async (context, args, options) => {
  const { exported, name } = await exportOne(
    await oneTenant(context, args[0]!, options),
    defaultFile(context, args[0]!, options.file),
  );
  return {
    text: `${quantity(exported.rows)} rows of tenant ${name.uuid} (${name.slug}) are in ${exported.file} (${quantity(exported.bytes, 'bytes')})`,
    tables: [exportTable(exported)],
    data: { tenant: name, export: { ...exported, tables: Object.fromEntries(exported.tables) } },
  };
};
