import { appliesTo } from '../access.ts';
import { classOf, describeContext, describeRow, isAlwaysTrue, openingsOf, undecidedBecause } from '../answers.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import { displayName, displayPath } from '../names.ts';
import type { Leak, TableAnswer } from './leaks.ts';

type Entry = readonly [key: string, leak: Leak];

/** Rows of others that the policies of a table open, and policies that hold whatever the row. */
export function answerOf(facts: RlsFacts, table: TableFacts): TableAnswer {
  const undecided = undecidedBecause(facts, table) ?? askedAsNobody(facts, table);
  if (classOf(facts, table) === undefined) return { leaks: new Map(), undecided, isLasting: false };
  const always = table.policies
    .filter((policy) => policy.permissive && isAlwaysTrue(facts, table, policy))
    .map(
      (policy): Entry => [
        `always ${policy.command} ${[...policy.roles].sort().join()}`,
        {
          words: `policy ${displayName(policy.name)} is true whatever the row and whoever asks`,
          roles: [...facts.roles.values()].flatMap((role) => (appliesTo(policy, role) ? [role.name] : [])),
        },
      ],
    );
  // One by one, since what a policy opens to those who are meant to see everything is none of this.
  const permissive = table.policies.filter((policy) => policy.permissive);
  const others = permissive.flatMap((policy) => openingsOf(facts, table, policy).others);
  const opened = others.map(
    ({ gate, role, context, row }): Entry => [
      `${gate.command} ${gate.part} ${role.name} ${context} ${row.owner}`,
      {
        words: `its policies let ${displayName(role.name)} ${gate.command} ${describeRow(row)} in ${describeContext(context)}`,
        roles: [role.name],
      },
    ],
  );
  const isLasting = undecided === undefined && table.policies.every((policy) => policy.isPlain);
  return { leaks: new Map([...always, ...opened]), undecided, isLasting };
}

/** Whoever looks up whose member the user is lets a stranger see nothing, and says nothing with it. */
function askedAsNobody(facts: RlsFacts, table: TableFacts): string | undefined {
  const [membership] = facts.memberships;
  if (membership === undefined || !table.policies.some(({ looksUp }) => looksUp)) return undefined;
  if (classOf(facts, table)?.tenants.subject !== undefined) return undefined;
  return `no user was found in ${displayPath(membership.table)} who is in one tenant and in no other`;
}
