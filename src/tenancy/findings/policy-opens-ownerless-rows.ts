import { describeContext, isAlwaysTrue, openingsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'rows without a tenant are open to no tenant',
  judge: (facts) => ({
    findings: suspectTables(facts)
      .filter(({ tenantColumn }) => tenantColumn !== undefined && !tenantColumn.notNull)
      .flatMap((table) =>
        table.policies
          .filter(({ columns }) => columns.includes(table.tenantColumn!.number))
          .filter((policy) => policy.permissive && !isAlwaysTrue(facts, table, policy))
          .flatMap((policy) => {
            const [first] = openingsOf(facts, table, policy).ownerless;
            if (first === undefined) return [];
            return {
              severity: 'warning' as const,
              object: displayPath(table),
              policy: policy.name,
              message: `policy ${displayName(policy.name)} opens rows whose ${displayName(table.tenantColumn!.name)} is null to ${first.gate.command} in ${describeContext(first.context)}`,
              fix: restorePolicy(facts, table, policy),
              details: { role: first.role.name, context: first.context, row: first.row.values },
            };
          }),
      ),
    unknown: undecidedTables(facts),
  }),
};
