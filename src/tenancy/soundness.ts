import { expressionsOf, openingsOf } from './answers.ts';
import type { ContextName, RlsFacts, TableFacts } from './facts.ts';

/** Where an error has a finding; that a session which says nonsense fails is as it should be. */
const MENDED: readonly ContextName[] = ['own', 'unset', 'empty'];

/** Nothing about the table's policies would have to be mended: their text is not needed. */
export function isSound(facts: RlsFacts, table: TableFacts): boolean {
  const expressions = [...expressionsOf(facts, table).values()];
  const isQuiet = expressions.every(
    ({ evaluations, perRow, roleComparisons }) =>
      perRow.known &&
      perRow.value.length === 0 &&
      roleComparisons.length === 0 &&
      evaluations.every(
        ({ context, truths }) =>
          !MENDED.includes(context) || truths.every((truth) => typeof truth !== 'object' || truth === null),
      ),
  );
  return isQuiet && table.policies.every((policy) => openingsOf(facts, table, policy).others.length === 0);
}
