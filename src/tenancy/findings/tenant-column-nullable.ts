import { quoteIdentifier } from '../../postgres/quote.ts';
import { tablesInScope } from '../access.ts';
import { openingsOfTable } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import { displayPath } from '../names.ts';
import { sqlName } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every row belongs to a tenant',
  judge: (facts) => ({
    findings: tablesInScope(facts)
      .filter(({ tenantColumn, isPartition }) => tenantColumn !== undefined && !tenantColumn.notNull && !isPartition)
      .map((table) => {
        const column = table.tenantColumn!.name;
        const isHidden = hidesOwnerless(facts, table);
        return {
          severity: isHidden ? ('info' as const) : ('warning' as const),
          object: displayPath(table),
          message: `${column} may be null: such a row belongs to nobody${isHidden ? ', and its policies show it to no tenant' : ''}`,
          fix: `alter table ${sqlName(table)} alter column ${quoteIdentifier(column)} set not null;`,
        };
      }),
  }),
};

function hidesOwnerless(facts: RlsFacts, table: TableFacts): boolean {
  return table.rlsEnabled && table.policies.length > 0 && openingsOfTable(facts, table).ownerless.length === 0;
}
