import { expressionsOf } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import { restorePolicy } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';

export const check: TenancyCheck = {
  title: 'no policy takes the name of the database role for the user',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies.flatMap((policy) => {
        const columns = [policy.using, policy.check].flatMap(
          (key) => expressionsOf(facts, table).get(key ?? '')?.roleComparisons ?? [],
        );
        if (columns.length === 0) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          policy: policy.name,
          message: `policy ${displayName(policy.name)} compares ${listNames([...new Set(columns)])} with current_user, which is the role of the connection and the same for every user`,
          fix: restorePolicy(facts, table, policy),
          advice: 'Compare with a claim of the token, or with a setting that the backend makes for each transaction.',
        };
      }),
    ),
  }),
};
