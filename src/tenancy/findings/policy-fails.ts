import type { Noticed, TenancyCheck } from '../check.ts';
import { type PolicyFacts, PUBLIC, type RlsFacts, type RoleFacts, type TableFacts } from '../facts.ts';
import { displayName, displayPath, listNamed } from '../names.ts';
import { commandsOf, type PolicyError, policyErrors } from '../policy-errors.ts';
import { restorePolicy, revoke } from '../proposal.ts';
import { suspectTables } from '../soundness.ts';
import { undecidedTables } from '../undecided.ts';

export const check: TenancyCheck = {
  title: 'policies can be evaluated for the own tenant',
  judge: (facts) => ({
    findings: suspectTables(facts).flatMap((table) =>
      table.policies.flatMap((policy) => {
        const failure = policyErrors(facts, table, policy).get('own');
        return failure === undefined ? [] : [notice(facts, table, policy, failure)];
      }),
    ),
    unknown: undecidedTables(facts),
  }),
};

function notice(facts: RlsFacts, table: TableFacts, policy: PolicyFacts, failure: PolicyError): Noticed {
  const { error, roles, spared, isDenied } = failure;
  const names = listNamed(roles);
  const whose = spared.length === 0 ? '' : ` for ${names}`;
  const about = {
    severity: 'warning' as const,
    object: displayPath(table),
    policy: policy.name,
    message: `policy ${displayName(policy.name)} fails${whose} even in a session of one tenant: ${error}`,
  };
  if (spared.length === 0 || !isDenied) return { ...about, fix: restorePolicy(facts, table, policy) };
  // The condition serves others: what is wrong is that this role may use a table whose policy it cannot follow.
  return {
    ...about,
    fix: isTheirsAlone(table, failure) ? revoke(facts, table, roles, commandsOf(policy)) : undefined,
    advice: `Grant ${names} what the policy reads, or take the table away from it.`,
  };
}

/** Nobody whom the policy serves has the table through the same grants. */
function isTheirsAlone(table: TableFacts, { roles, spared }: PolicyError): boolean {
  const others = spared.filter((role) => !role.inherits.has(table.owner));
  const has = (role: RoleFacts, grantee: number) => grantee === PUBLIC || role.inherits.has(grantee);
  return [...table.grants.keys()].every(
    (grantee) => !roles.some((role) => has(role, grantee)) || !others.some((role) => has(role, grantee)),
  );
}
