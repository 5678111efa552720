import { openingsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

/** A UUID is the same in capitals; a policy that does not think so compares texts, and cannot use an index on UUIDs. */
export const check: TenancyCheck = {
  title: 'settings are compared as the type of the column',
  judge: (facts) => ({
    findings: suspectTables(facts)
      .filter(({ tenantColumn }) => tenantColumn?.type === 'uuid')
      .flatMap((table) =>
        table.policies.flatMap((policy) => {
          const { own } = openingsOf(facts, table, policy);
          if (!own.has('own') || own.has('own-uppercase')) return [];
          return {
            severity: 'warning' as const,
            object: displayPath(table),
            policy: policy.name,
            message: `policy ${displayName(policy.name)} compares ${displayName(table.tenantColumn!.name)} as text: a UUID in capitals finds no row, and no index on the column is used`,
            fix: restorePolicy(facts, table, policy),
          };
        }),
      ),
    unknown: undecidedTables(facts),
  }),
};
