import { expressionsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import { alterPolicy, mendedText } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

/** Decided from the plan that the role gets, where functions are inlined and subqueries are computed once or are not. */
export const check: TenancyCheck = {
  title: 'policies compute once per query what does not depend on the row',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies.flatMap((policy) => {
        const calls = [policy.using, policy.check].flatMap((key) => {
          const perRow = expressionsOf(facts, table).get(key ?? '')?.perRow;
          return perRow?.known ? perRow.value : [];
        });
        if (calls.length === 0) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          policy: policy.name,
          message: `policy ${displayName(policy.name)} calls ${listNames([...new Set(calls)])} again for every row`,
          fix: alterPolicy(table, policy, {
            using: mendedText(facts, table, policy, 'using'),
            check: mendedText(facts, table, policy, 'check'),
          }),
        };
      }),
    ),
    unknown: undecidedTables(facts),
  }),
};
