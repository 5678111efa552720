import { describeContext, errorsOf, expressionsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import type { PolicyFacts, RlsFacts, TableFacts } from '../facts.ts';
import { displayName, displayPath } from '../names.ts';
import { policyErrors } from '../policy-errors.ts';
import { alterPolicy, mendedText, restorePolicy } from '../proposal.ts';
import { readsSetting } from '../rewrite.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

/** A setting is the empty string after the transaction that made it: on a pooled connection that is every other query. */
export const check: TenancyCheck = {
  title: 'policies show no row, and raise no error, where no tenant is set',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies.flatMap((policy) => {
        const errors = policyErrors(facts, table, policy);
        const context = (['empty', 'unset', 'others-empty'] as const).find((one) => errors.has(one));
        if (context === undefined || errors.has('own')) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          policy: policy.name,
          message: `policy ${displayName(policy.name)} fails in ${describeContext(context)}: ${errors.get(context)!.error}`,
          fix: mend(facts, table, policy),
        };
      }),
    ),
    unknown: undecidedTables(facts),
  }),
};

/** The setting may be read in the policy itself, or in a function that it calls: that cannot be mended from here. */
function mend(facts: RlsFacts, table: TableFacts, policy: PolicyFacts): string | undefined {
  const expressions = [policy.using, policy.check].flatMap((key) => expressionsOf(facts, table).get(key ?? '') ?? []);
  if (!expressions.some(({ calls }) => calls.some(readsSetting))) {
    // What else than the tenant the policy asks for is not to be lost.
    const isOfTenant = (['empty', 'unset'] as const).some((context) => errorsOf(facts, table, policy).has(context));
    return isOfTenant ? restorePolicy(facts, table, policy) : undefined;
  }
  return alterPolicy(table, policy, {
    using: mendedText(facts, table, policy, 'using'),
    check: mendedText(facts, table, policy, 'check'),
  });
}
