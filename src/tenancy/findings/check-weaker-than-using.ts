import { expressionsOf, isCheckWeaker } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath } from '../names.ts';
import { alterPolicy, restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

/** A missing WITH CHECK is no finding: the server holds written rows against USING then (CREATE POLICY). */
export const check: TenancyCheck = {
  title: 'what a policy does not show it does not let anybody write',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies
        .filter((policy) => isCheckWeaker(facts, table, policy))
        .map((policy) => {
          const using = policy.texts?.using ?? expressionsOf(facts, table).get(policy.using!)?.text;
          return {
            severity: 'critical' as const,
            object: displayPath(table),
            policy: policy.name,
            message: `policy ${displayName(policy.name)} shows the own tenant's rows and lets rows of others be written: a row can be moved to another tenant`,
            fix:
              using === undefined ? restorePolicy(facts, table, policy) : alterPolicy(table, policy, { check: using }),
          };
        }),
    ),
    unknown: undecidedTables(facts),
  }),
};
