import { clientsWith, inOrder } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import { displayPath, listNames } from '../names.ts';
import { revoke } from '../proposal.ts';
import { tablesBehind } from '../views.ts';

export const check: TenancyCheck = {
  title: "no materialized view of tenants' rows is open to clients",
  judge: (facts) => ({
    findings: inOrder([...facts.views.values()])
      .filter(({ inScope, kind }) => inScope && kind === 'materialized')
      .flatMap((view) => {
        const roles = clientsWith(facts, view, ['SELECT']);
        const tables = tablesBehind(facts, view)
          .map(({ table }) => table)
          .filter((table) => table.rlsEnabled || table.tenantColumn !== undefined);
        if (roles.length === 0 || tables.length === 0) return [];
        return {
          severity: 'critical' as const,
          object: displayPath(view),
          message: `the materialized view holds rows of ${listNames([...new Set(tables.map(displayPath))])} for every tenant and can have no policy; ${listNames(roles.map(({ name }) => name))} may read it`,
          fix: revoke(facts, view, roles, 'all'),
        };
      }),
  }),
};
