import { openTenantSession } from '../../cli/tenant.ts';
import { quoteIdentifier, quoteQualified } from '../../postgres/quote.ts';
import { counted, quantity } from '../../report/quantity.ts';
import type { Check, Finding } from '../../report/report.ts';
import { type CheckedTable, checkTenants } from '../../tenants/check.ts';
import { readCatalog } from '../../tenants/tables.ts';
import type { TenantTable } from '../../tenants/tenant-table.ts';
import type { TenantAction } from '../tenant.ts';

const UNKNOWN = 'unknown-tenant';
const EMPTY = 'row-without-tenant';

export const run: TenantAction['run'] = async (context, _args, { table, column }) => {
  const { session, tenantTable } = await openTenantSession(context, table);
  try {
    const catalog = await readCatalog(session, tenantTable, column);
    const checked = await checkTenants(session, catalog, column, (name) => context.talk.info(`looking at ${name}`));
    return {
      text: summarise(checked, column),
      checks: [unknownCheck(checked, catalog.elsewhere), emptyCheck(checked)],
      findings: checked.flatMap((one) => findingsOf(one, tenantTable, column)),
      tables: [
        {
          columns: ['table', 'looked at', 'rows of no tenant', 'rows without one'],
          rows: checked.map(({ table: name, status, reason, unknown, empty }) => [
            name,
            { proved: 'a foreign key proves it', looked: 'every row', undecided: `no: ${reason}` }[status],
            status === 'undecided' ? '' : quantity(unknown),
            status === 'undecided' ? '' : quantity(empty),
          ]),
          alignRight: [2, 3],
        },
      ],
      data: { tables: checked.map(({ sql: _, ...rest }) => rest), elsewhere: catalog.elsewhere },
    };
  } finally {
    await session.close();
  }
};

function summarise(checked: readonly CheckedTable[], column: string): string {
  const wrong = checked.filter(({ unknown }) => unknown > 0);
  const rows = wrong.reduce((sum, { unknown }) => sum + unknown, 0);
  if (checked.length === 0) return `no table has a column ${column}`;
  return rows === 0
    ? `${checked.length} tables with a column ${column}: no row of no tenant was found`
    : `${counted(rows, 'row')} in ${wrong.length} of ${checked.length} tables ${rows === 1 ? 'has' : 'have'} a ${column} that is no tenant`;
}

function unknownCheck(checked: readonly CheckedTable[], elsewhere: readonly string[]): Check {
  const undecided = checked.filter(({ status }) => status === 'undecided');
  const base = {
    id: UNKNOWN,
    title: 'Every row belongs to a tenant that exists',
    category: 'tenants',
    description: 'Such rows are seen by nobody, are in no export of a tenant, and stay when a tenant is deleted.',
  };
  if (undecided.length > 0) {
    const reasons = undecided.map(({ table, reason }) => `${table}: ${reason}`);
    return {
      ...base,
      status: 'unknown',
      reason: reasons.join('; '),
      remediation: 'Run it as a role that may read these tables and has BYPASSRLS.',
    };
  }
  if (checked.some(({ unknown }) => unknown > 0)) return { ...base, status: 'failed' };
  const reason =
    elsewhere.length === 0 ? {} : { reason: `not looked at, being views or foreign: ${elsewhere.join(', ')}` };
  return { ...base, status: checked.length === 0 ? 'not-applicable' : 'passed', ...reason };
}

function emptyCheck(checked: readonly CheckedTable[]): Check {
  return {
    id: EMPTY,
    title: 'Rows without a tenant are meant to be',
    category: 'tenants',
    status: checked.some(({ empty }) => empty > 0) ? 'failed' : 'passed',
  };
}

function findingsOf(
  { table, sql, unknown, empty, samples }: CheckedTable,
  tenants: TenantTable,
  column: string,
): Finding[] {
  const name = quoteIdentifier(column);
  const registry = quoteQualified(tenants.schema, tenants.name);
  const values = samples.map(({ value, rows }) => `${value} (${quantity(rows)})`).join(', ');
  return [
    ...(unknown === 0
      ? []
      : [
          {
            check: UNKNOWN,
            severity: 'critical' as const,
            object: table,
            message: `${counted(unknown, 'row has', 'rows have')} a ${column} that is no tenant: ${values}`,
            remediation: `select * from ${sql} x where x.${name} is not null and not exists (select from ${registry} t where t.id::text = x.${name}::text);`,
            metric: unknown,
            unit: 'count' as const,
            details: { samples },
          },
        ]),
    ...(empty === 0
      ? []
      : [
          {
            check: EMPTY,
            severity: 'info' as const,
            object: table,
            message: `${counted(empty, 'row has', 'rows have')} no ${column}: right for what belongs to all, wrong for what belongs to one`,
            metric: empty,
            unit: 'count' as const,
          },
        ]),
  ];
}
