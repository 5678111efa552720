import { clientsWith, securedTables } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import { COMMANDS } from '../facts.ts';
import { displayPath } from '../names.ts';
import { createPolicy, revoke } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every table with RLS has a policy that lets somebody in',
  judge: (facts) => ({
    findings: securedTables(facts)
      .filter(({ policies }) => !policies.some(({ permissive }) => permissive))
      .flatMap((table) => {
        const clients = clientsWith(facts, table, COMMANDS);
        // Enabling RLS and leaving it at that is how a table is closed on purpose.
        if (clients.length === 0 && table.tenantColumn === undefined) return [];
        const restrictive = table.policies.length > 0 ? ': restrictive ones only narrow what others allow' : '';
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          message: `RLS is enabled without a permissive policy, so nobody sees a row${restrictive}`,
          fix: createPolicy(facts, table) ?? revoke(facts, table, clients, 'all'),
        };
      }),
  }),
};
