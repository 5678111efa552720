import { MANAGED_SERVICES } from '../../managed-services.ts';
import { bypasses, securedTables } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { RlsFacts, RoleFacts, TableFacts } from '../facts.ts';
import { displayName } from '../names.ts';
import { sqlRoles } from '../proposal.ts';

/** FORCE says that an owner is bound like everybody; BYPASSRLS and superuser outrank it (PostgreSQL docs 5.9). */
export const check: TenancyCheck = {
  title: 'forced RLS binds the owners of the tables',
  judge: (facts) => {
    const forced = securedTables(facts).filter(({ rlsForced }) => rlsForced);
    const owners = [...new Set(forced.map(({ owner }) => owner))].flatMap((oid) => facts.roles.get(oid) ?? []);
    return {
      findings: owners.filter(bypasses).map((owner) =>
        notice(
          facts,
          owner,
          forced.filter((table) => table.owner === owner.oid),
        ),
      ),
    };
  },
};

function notice(facts: RlsFacts, owner: RoleFacts, tables: readonly TableFacts[]): Noticed {
  const views = [...facts.views.values()].filter((view) => view.owner === owner.oid && !view.securityInvoker);
  const definers = facts.definers.filter((one) => one.owner === owner.oid && !one.takesRole && !one.isTrigger);
  const why = owner.superuser ? 'is a superuser' : 'has BYPASSRLS';
  return {
    severity: 'info',
    object: `role ${displayName(owner.name)}`,
    message: `FORCE has no effect on ${tables.length} tables of ${displayName(owner.name)}, who ${why}: its views without security_invoker (${views.length}) and its SECURITY DEFINER functions (${definers.length}) see every tenant`,
    ...remedy(facts, owner),
    details: { tables: tables.length, views: views.length, functions: definers.length },
  };
}

/** What a service needs its role for is not the project's to take away. */
function remedy(facts: RlsFacts, owner: RoleFacts): Pick<Noticed, 'fix' | 'advice'> {
  if (owner.superuser)
    return { advice: 'Give the tables to a role that is no superuser: alter table ... owner to ...;' };
  const service = [...facts.roles.values()].map(({ name }) => MANAGED_SERVICES.get(name)).find(Boolean);
  if (service === undefined) return { fix: `alter role ${sqlRoles([owner])} nobypassrls;` };
  return {
    advice: `${service} gives it that right, and it stays: make views security_invoker, and revoke EXECUTE on SECURITY DEFINER functions that clients need not call.`,
  };
}
