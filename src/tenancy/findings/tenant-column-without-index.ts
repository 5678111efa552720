import { quoteIdentifier } from '../../postgres/quote.ts';
import { tablesInScope } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath } from '../names.ts';
import { sqlName } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every tenant column leads an index',
  judge: (facts) => ({
    findings: tablesInScope(facts)
      .filter(({ kind, isPartition }) => kind !== 'foreign' && !isPartition)
      .flatMap((table) => {
        const { tenantColumn } = table;
        if (tenantColumn === undefined) return [];
        const isIndexed = table.indexes.some(
          ({ usable, partial, method, columns }) =>
            usable && !partial && columns[0] === tenantColumn.number && (method === 'btree' || method === 'hash'),
        );
        if (isIndexed) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          message: `no index begins with ${displayName(tenantColumn.name)}: every query of a tenant reads the rows of all`,
          fix: `create index on ${sqlName(table)} (${quoteIdentifier(tenantColumn.name)});`,
          details: { estimatedRows: table.estimatedRows },
        };
      }),
  }),
};
