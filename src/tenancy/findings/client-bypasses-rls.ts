import { bypasses, tablesInScope } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { RlsFacts, RoleFacts } from '../facts.ts';
import { displayName, listNamed } from '../names.ts';
import { sqlRoles } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'RLS binds every role that requests run as',
  judge: (facts) => ({
    findings: [
      ...facts.clients
        .filter((role) => !facts.meantToBypass.has(role.oid))
        .flatMap((role) => (bypasses(role) ? [unbound(role, 'critical')] : escapes(facts, role))),
      ...unboundGrantees(facts).map((role) => unbound(role, 'warning')),
    ],
  }),
};

/** Roles that were granted tables and are not bound; nobody has said that they are meant not to be. */
function unboundGrantees(facts: RlsFacts): RoleFacts[] {
  const tables = tablesInScope(facts);
  const grantees = new Set(tables.flatMap(({ grants }) => [...grants.keys()]));
  const owners = new Set(tables.map(({ owner }) => owner));
  return [...facts.roles.values()].filter(
    (role) =>
      grantees.has(role.oid) &&
      bypasses(role) &&
      !owners.has(role.oid) &&
      !facts.meantToBypass.has(role.oid) &&
      !facts.clients.includes(role),
  );
}

function unbound(role: RoleFacts, severity: 'warning' | 'critical'): Noticed {
  return {
    severity,
    object: `role ${displayName(role.name)}`,
    message: `RLS is never evaluated for ${displayName(role.name)}, which ${role.superuser ? 'is a superuser' : 'has BYPASSRLS'}`,
    fix: `alter role ${sqlRoles([role])} ${role.superuser ? 'nosuperuser ' : ''}nobypassrls;`,
  };
}

/** One SET ROLE away from seeing everything, for whoever can send SQL of his own. */
function escapes(facts: RlsFacts, role: RoleFacts): Noticed[] {
  const reaches = (through: RoleFacts) =>
    [...through.canBecome].some((oid) => bypasses(facts.roles.get(oid) ?? through));
  const steps = role.memberOf.flatMap((oid) => facts.roles.get(oid) ?? []).filter(reaches);
  if (steps.length === 0) return [];
  return [
    {
      severity: 'critical',
      object: `role ${displayName(role.name)}`,
      message: `${displayName(role.name)} can become ${listNamed(steps)} with SET ROLE, and with it somebody whom RLS does not bind`,
      fix: `revoke ${sqlRoles(steps)} from ${sqlRoles([role])};`,
    },
  ];
}
