import { appliesTo } from '../access.ts';
import {
  classOf,
  describeContext,
  describeRow,
  isAlwaysTrue,
  isOpenTo,
  NAMED,
  type Opening,
  openingsOf,
  undecidedBecause,
} from '../answers.ts';
import { COMMANDS, type RlsFacts, type TableFacts } from '../facts.ts';
import { holdsTenantsOnce, ownerColumnOf } from '../lineage.ts';
import { displayName, displayPath } from '../names.ts';
import type { Leak, TableAnswer } from './leaks.ts';

type Entry = readonly [key: string, leak: Leak];

/** Whoever leads around the policies of such a table leads nowhere. */
function openTo(facts: RlsFacts, table: TableFacts): Set<string> {
  if (ownerColumnOf(table) !== undefined) return new Set();
  return new Set(
    facts.clients.flatMap((role) =>
      COMMANDS.filter((command) => isOpenTo(facts, table, role, command)).map((command) => `${role.name} ${command}`),
    ),
  );
}

/** Rows of others that the policies of a table open, and policies that hold whatever the row. */
export function answerOf(facts: RlsFacts, table: TableFacts): TableAnswer {
  const undecided = undecidedBecause(facts, table) ?? askedAsNobody(facts, table);
  if (classOf(facts, table) === undefined) return { leaks: new Map(), open: new Set(), undecided, isLasting: false };
  const always = table.policies
    .filter((policy) => policy.permissive && isAlwaysTrue(facts, table, policy))
    // Whoever may add tenants reaches those of nobody else.
    .filter(({ command }) => command !== 'INSERT' || !holdsTenantsOnce(table))
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
  const telling = (opening: Opening, whose: string, row: string): Entry => {
    const { gate, role, context } = opening;
    const words = `its policies let ${displayName(role.name)} ${gate.command} ${row} in ${describeContext(context)}`;
    return [`${gate.command} ${gate.part} ${role.name} ${context} ${whose}`, { words, roles: [role.name] }];
  };
  const opened = others.map((opening) => telling(opening, opening.row.owner, describeRow(opening.row)));
  const anyones = permissive
    .flatMap((policy) => openingsOf(facts, table, policy).ownerless)
    .filter((opening) => isAnyones(facts, table, opening))
    .map((opening) => telling(opening, 'anyone', describeRow(opening.row, 'a row that names nobody')));
  const isLasting = undecided === undefined && table.policies.every((policy) => policy.isPlain);
  return { leaks: new Map([...always, ...opened, ...anyones]), open: openTo(facts, table), undecided, isLasting };
}

/**
 * Where no column is known to say whose a row is, one that holds the tenant of the session may, or its user. A row that
 * holds neither is opened to whoever asks like this.
 */
function isAnyones(facts: RlsFacts, table: TableFacts, { context, row }: Opening): boolean {
  if (ownerColumnOf(table) !== undefined) return false;
  const { own, unknown } = classOf(facts, table)!.tenants;
  const tenant = context === 'unknown' ? unknown : NAMED.includes(context) ? own : undefined;
  return tenant === undefined || !Object.values(row.values).includes(tenant);
}

/** Whoever looks up whose member the user is lets a stranger see nothing, and says nothing with it. */
function askedAsNobody(facts: RlsFacts, table: TableFacts): string | undefined {
  const [membership] = facts.memberships;
  if (membership === undefined || !table.policies.some(({ looksUp }) => looksUp)) return undefined;
  if (classOf(facts, table)?.tenants.subject !== undefined) return undefined;
  return `no user was found in ${displayPath(membership.table)} who is in one tenant and in no other`;
}
