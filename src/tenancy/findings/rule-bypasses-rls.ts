import { groupBy } from '../../group-by.ts';
import { bypasses, clientsWith, inOrder } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { Relation, RlsFacts, RoleFacts, RuleFacts } from '../facts.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import { revoke } from '../proposal.ts';
import { tablesReachedAs } from '../views.ts';

/**
 * What a rule does it does as the owner of its table or view, whoever writes there; `security_invoker` changes that for
 * what a view reads only (PostgreSQL docs, 41.5 Rules and Privileges).
 */
export const check: TenancyCheck = {
  title: 'no rule reaches rows past their policies for clients',
  judge: (facts) => {
    const rules = groupBy(facts.rules, ({ relation }) => relation);
    const ruled = [...rules.keys()].flatMap((oid) => facts.tables.get(oid) ?? facts.views.get(oid) ?? []);
    return {
      findings: inOrder(ruled.filter(({ inScope }) => inScope)).flatMap((relation) =>
        notice(facts, relation, rules.get(relation.oid)!),
      ),
    };
  },
};

function notice(facts: RlsFacts, relation: Relation, rules: readonly RuleFacts[]): Noticed[] {
  const open = rules.flatMap((rule) => {
    const roles = writers(facts, relation, rule);
    const tables = tablesReachedAs(facts, rule.relations, relation.owner).filter(
      ({ table, isBound }) => table.rlsEnabled && !isBound,
    );
    return roles.length === 0 || tables.length === 0 ? [] : [{ rule, roles, tables }];
  });
  if (open.length === 0) return [];
  const names = (all: readonly string[]) => listNames([...new Set(all)]);
  const roles = [...new Set(open.flatMap((one) => one.roles))];
  const rulesNamed = names(open.map(({ rule }) => displayName(rule.name)));
  const tables = names(open.flatMap((one) => one.tables.map(({ table }) => displayPath(table))));
  const commands = [...new Set(open.map(({ rule }) => rule.command))];
  const owner = facts.roles.get(relation.owner)?.name ?? 'its owner';
  return [
    {
      severity: 'critical',
      object: displayPath(relation),
      message: `${open.length > 1 ? 'the rules' : 'the rule'} ${rulesNamed} ${open.length > 1 ? 'reach' : 'reaches'} every row of ${tables} as ${owner}, whom RLS does not bind, when ${names(roles.map(({ name }) => displayName(name)))} ${roles.length > 1 ? 'write' : 'writes'} here`,
      fix: revoke(facts, relation, roles, commands),
      advice: 'Or do it in a trigger: its function, no SECURITY DEFINER, runs as whoever writes.',
    },
  ];
}

/** Clients that set the rule off and have no more rights than their own. */
function writers(facts: RlsFacts, relation: Relation, { command }: RuleFacts): RoleFacts[] {
  return clientsWith(facts, relation, [command]).filter(
    (role) => !bypasses(role) && !role.inherits.has(relation.owner),
  );
}
