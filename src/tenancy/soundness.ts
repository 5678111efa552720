import { expressionsOf, openingsOf } from './answers.ts';
import type { RlsFacts, TableFacts } from './facts.ts';

/** Nothing about the table's policies would have to be mended: their text is not needed. */
export function isSound(facts: RlsFacts, table: TableFacts): boolean {
  const expressions = [...expressionsOf(facts, table).values()];
  const isQuiet = expressions.every(
    ({ evaluations, perRow, roleComparisons }) =>
      perRow.known &&
      perRow.value.length === 0 &&
      roleComparisons.length === 0 &&
      evaluations.every(({ truths }) => truths.every((truth) => typeof truth !== 'object' || truth === null)),
  );
  return isQuiet && table.policies.every((policy) => openingsOf(facts, table, policy).others.length === 0);
}
