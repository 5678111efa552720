import { openTenantSession } from '../../cli/tenant.ts';
import { counted } from '../../report/quantity.ts';
import { listTenants } from '../../tenants/tenant-table.ts';
import type { TenantAction } from '../tenant.ts';

export const run: TenantAction['run'] = async (context, _args, { table }) => {
  const { session, tenantTable } = await openTenantSession(context, table);
  try {
    const tenants = await listTenants(session, tenantTable);
    return {
      text: counted(tenants.length, 'tenant'),
      tables: [
        {
          columns: ['slug', 'uuid', 'name', 'status', 'plan', 'created'],
          rows: tenants.map(({ slug, id, name, status, plan, createdAt }) =>
            [slug, id, name, status, plan, createdAt?.slice(0, 10)].map((value) => value ?? ''),
          ),
        },
      ],
      data: { tenants: tenants.map(({ id, ...tenant }) => ({ uuid: id, ...tenant })) },
    };
  } finally {
    await session.close();
  }
};
