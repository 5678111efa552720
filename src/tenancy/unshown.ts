import { clientsWith, securedTables } from './access.ts';
import { classOf, openingsOfTable, undecidedBecause } from './answers.ts';
import { COMMANDS, type RlsFacts, type TableFacts } from './facts.ts';

/**
 * Tables whose policies look tenants or users up, where there are none that they could find: they showed made-up ones
 * nothing, not even what is their own, so that nobody knows what they show to others.
 */
export function unshownTables(facts: RlsFacts): TableFacts[] {
  return securedTables(facts).filter(
    (table) =>
      table.policies.some(({ permissive, looksUp }) => permissive && looksUp) &&
      undecidedBecause(facts, table) === undefined &&
      clientsWith(facts, table, COMMANDS).length > 0 &&
      isMadeUp(facts, table) &&
      showsNothing(facts, table),
  );
}

function isMadeUp(facts: RlsFacts, table: TableFacts): boolean {
  const { areReal = false, subject } = classOf(facts, table)?.tenants ?? {};
  return !areReal || (facts.memberships.length > 0 && subject === undefined);
}

function showsNothing(facts: RlsFacts, table: TableFacts): boolean {
  const { own, others, ownerless, personal } = openingsOfTable(facts, table);
  return own.size + others.length + ownerless.length + personal.length === 0;
}
