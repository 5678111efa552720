import { clientsWith, hasPrivilege, securedTables } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import { COMMANDS } from '../facts.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import { revoke, uncoveredCommands } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every command that is granted has a policy',
  judge: (facts) => ({
    findings: securedTables(facts).flatMap((table) =>
      clientsWith(facts, table, COMMANDS).flatMap((role) => {
        const granted = COMMANDS.filter((command) => hasPrivilege(role, table, command));
        const uncovered = uncoveredCommands(facts, table, role);
        const denied = granted.filter((command) => uncovered.has(command));
        // A role that no policy is for at all has a finding of its own.
        if (denied.length === 0 || denied.length === granted.length || role.inherits.has(table.owner)) return [];
        return {
          severity: 'info' as const,
          object: displayPath(table),
          message: `${displayName(role.name)} is granted ${listNames(denied)} and no policy is for that, so it always fails or finds no row`,
          fix: revoke(facts, table, [role], denied),
          details: { role: role.name, commands: denied },
        };
      }),
    ),
  }),
};
