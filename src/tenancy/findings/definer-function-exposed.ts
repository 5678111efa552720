import { bypasses, callersOf, loginThatTakes } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { type FunctionFacts, PUBLIC, type RlsFacts } from '../facts.ts';
import { displayName, displaySignature, listNamed, listNames } from '../names.ts';
import { sqlGrantees, sqlSignature } from '../proposal.ts';

/** Policies need their lookups to be executable by everybody; a trigger's function cannot be called. */
export const check: TenancyCheck = {
  title: 'no function that runs with the rights of others is open to clients, except for what policies call',
  judge: (facts) => ({
    findings: facts.definers
      .filter(({ inScope, isTrigger, servesPolicy }) => inScope && !isTrigger && !servesPolicy)
      .flatMap((definer) => notice(facts, definer)),
  }),
};

function notice(facts: RlsFacts, definer: FunctionFacts): Noticed[] {
  const callers = callersOf(facts, definer);
  if (callers.length === 0) return [];
  const runner = facts.roles.get(definer.runsAs)!;
  const isUnbound = bypasses(runner) || facts.meantToBypass.has(runner.oid) || ownsUnforced(facts, runner.oid);
  const how = definer.takesRole
    ? `, by its own SET role, which works where ${displayName(loginThatTakes(facts, callers[0]!, definer)!.name)} is logged in`
    : '';
  const through = [...definer.executors].filter(
    (oid) => oid === PUBLIC || callers.some((role) => role.inherits.has(oid)),
  );
  const needed =
    definer.users.length === 0
      ? ''
      : `; ${listNames(definer.users)} would fail for them without EXECUTE: move it to a schema that the API does not serve, where what uses it still finds it`;
  return [
    {
      severity: isUnbound ? 'warning' : 'info',
      object: displaySignature(definer),
      message: `${listNamed(callers)} may call it, and it runs as ${displayName(runner.name)}, ${isUnbound ? 'whom RLS does not bind' : 'with whatever rights that role has'}${how}${needed}`,
      fix:
        needed === ''
          ? `revoke execute on routine ${sqlSignature(definer)} from ${sqlGrantees(facts, through)};`
          : undefined,
    },
  ];
}

function ownsUnforced(facts: RlsFacts, role: number): boolean {
  return [...facts.tables.values()].some((table) => table.owner === role && table.rlsEnabled && !table.rlsForced);
}
