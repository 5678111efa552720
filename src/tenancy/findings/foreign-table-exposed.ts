import { clientsWith, tablesInScope } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import { COMMANDS } from '../facts.ts';
import { displayPath, listNamed } from '../names.ts';
import { revoke } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'no foreign table is open to clients',
  judge: (facts) => ({
    findings: tablesInScope(facts)
      .filter(({ kind }) => kind === 'foreign')
      .flatMap((table) => {
        const roles = clientsWith(facts, table, COMMANDS);
        if (roles.length === 0) return [];
        return {
          severity: table.tenantColumn === undefined ? ('warning' as const) : ('critical' as const),
          object: displayPath(table),
          message: `a foreign table can have no policy, and ${listNamed(roles)} may use all of it`,
          fix: revoke(facts, table, roles, 'all'),
        };
      }),
  }),
};
