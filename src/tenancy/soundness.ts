import { securedTables } from './access.ts';
import { errorsOf, expressionsOf, openingsOf, remember } from './answers.ts';
import type { ContextName, RlsFacts, TableFacts } from './facts.ts';

/** Where an error has a finding; that a session which says nonsense fails is as it should be. */
const MENDED: readonly ContextName[] = ['own', 'unset', 'empty', 'others-empty'];

/** Nothing about the table's policies would have to be mended: their text is not needed. */
export function isSound(facts: RlsFacts, table: TableFacts): boolean {
  return remember(facts, table, 'is sound', undefined, () => {
    const isQuiet = [...expressionsOf(facts, table).values()].every(
      ({ perRow, roleComparisons }) => perRow.known && perRow.value.length === 0 && roleComparisons.length === 0,
    );
    return (
      isQuiet &&
      table.policies.every((policy) => {
        const errors = errorsOf(facts, table, policy);
        return MENDED.every((context) => !errors.has(context)) && openingsOf(facts, table, policy).others.length === 0;
      })
    );
  });
}

const suspects = new WeakMap<RlsFacts, readonly TableFacts[]>();

/**
 * Tables with RLS in force of whose policies there may be something to say: they open a row that is not the own
 * tenant's, fail, are slow, or tell spellings of the tenant apart. Of ten thousand tables that is a handful.
 */
export function suspectTables(facts: RlsFacts): readonly TableFacts[] {
  const known = suspects.get(facts) ?? securedTables(facts).filter((table) => !isBeyondDoubt(facts, table));
  suspects.set(facts, known);
  return known;
}

function isBeyondDoubt(facts: RlsFacts, table: TableFacts): boolean {
  if (!isSound(facts, table)) return false;
  return remember(facts, table, 'is beyond doubt', undefined, () =>
    table.policies.every((policy) => {
      const { own, ownerless, personal } = openingsOf(facts, table, policy);
      const isSpeltOneWay = own.has('own') && !own.has('own-uppercase');
      return ownerless.length === 0 && personal.length === 0 && !isSpeltOneWay;
    }),
  );
}
