import { clientsWith, hasPrivilege, tablesInScope } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import type { Privilege } from '../facts.ts';
import { displayPath, listNamed, listNames } from '../names.ts';
import { revoke } from '../proposal.ts';

/** Policies are for SELECT, INSERT, UPDATE and DELETE (PostgreSQL docs 5.9); these see and reach every row. */
const BLIND: readonly Privilege[] = ['TRUNCATE', 'REFERENCES', 'TRIGGER'];

export const check: TenancyCheck = {
  title: 'clients have no privilege that policies cannot restrict',
  judge: (facts) => ({
    findings: tablesInScope(facts).flatMap((table) => {
      const roles = clientsWith(facts, table, BLIND).filter(
        (role) => !role.inherits.has(table.owner) && !role.superuser,
      );
      if (roles.length === 0) return [];
      const held = BLIND.filter((privilege) => roles.some((role) => hasPrivilege(role, table, privilege)));
      return {
        severity: held.includes('TRUNCATE') ? ('warning' as const) : ('info' as const),
        object: displayPath(table),
        message: `${listNamed(roles)} ${roles.length > 1 ? 'hold' : 'holds'} ${listNames(held)}, which no policy restricts`,
        fix: revoke(facts, table, roles, held),
      };
    }),
  }),
};
