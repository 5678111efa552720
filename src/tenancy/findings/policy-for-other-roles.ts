import { quoteIdentifier } from '../../postgres/quote.ts';
import { appliesTo, clientsWith, hasPrivilege, securedTables } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { COMMANDS, type RlsFacts, type RoleFacts, type TableFacts } from '../facts.ts';
import { displayPath, listNamed, listNames } from '../names.ts';
import { createPolicy, revoke, sqlName, sqlRoles, uncoveredCommands } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'policies are for the roles that use the table',
  judge: (facts) => ({
    findings: securedTables(facts)
      .filter(({ policies }) => policies.some(({ permissive }) => permissive))
      .flatMap((table) => {
        const shutOut = clientsWith(facts, table, COMMANDS).filter((role) => isShutOut(facts, table, role));
        return shutOut.length === 0 ? [] : [notice(facts, table, shutOut)];
      }),
  }),
};

/** Not one of the commands that it is granted has a policy for it. */
function isShutOut(facts: RlsFacts, table: TableFacts, role: RoleFacts): boolean {
  const uncovered = uncoveredCommands(facts, table, role);
  return (
    !role.inherits.has(table.owner) &&
    COMMANDS.every((command) => !hasPrivilege(role, table, command) || uncovered.has(command))
  );
}

function notice(facts: RlsFacts, table: TableFacts, shutOut: readonly RoleFacts[]): Noticed {
  const names = listNamed(shutOut);
  const roles = new Set(table.policies.flatMap((policy) => policy.roles));
  const others = [...roles].flatMap((oid) => facts.roles.get(oid)?.name ?? []);
  return {
    severity: 'warning',
    object: displayPath(table),
    message: `${names} may use the table and sees no row of it: its policies are for ${listNames(others)}`,
    fix: mend(facts, table, shutOut),
    details: { roles: shutOut.map(({ name }) => name), policiesFor: others },
  };
}

/** Policies that are for nobody who uses the table were meant for those who do; without one they need their own. */
function mend(facts: RlsFacts, table: TableFacts, shutOut: readonly RoleFacts[]): string {
  const idle = table.policies.filter(
    (policy) =>
      policy.permissive &&
      !policy.roles.some((oid) => facts.meantToBypass.has(oid)) &&
      !facts.clients.some((role) => appliesTo(policy, role)),
  );
  if (idle.length > 0)
    return idle
      .map((policy) => `alter policy ${quoteIdentifier(policy.name)} on ${sqlName(table)} to ${sqlRoles(shutOut)};`)
      .join('\n');
  return createPolicy(facts, table, shutOut) ?? revoke(facts, table, shutOut, 'all');
}
