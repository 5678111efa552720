import { errorsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayPath } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'policies can be evaluated for the own tenant',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies.flatMap((policy) => {
        const error = errorsOf(facts, table, policy).get('own');
        if (error === undefined) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          policy: policy.name,
          message: `policy ${policy.name} fails even in a session of one tenant: ${error}`,
          fix: restorePolicy(facts, table, policy),
        };
      }),
    ),
    unknown: undecidedTables(facts),
  }),
};
