import { securedTables } from './access.ts';
import { undecidedBecause } from './answers.ts';
import type { RlsFacts } from './facts.ts';
import { groupByReason } from './judge.ts';
import { displayPath } from './names.ts';

const known = new WeakMap<RlsFacts, string[]>();

/** Tables whose policies could not be evaluated, by reason: what nobody looked at is never green. */
export function undecidedTables(facts: RlsFacts): readonly string[] {
  const undecided = known.get(facts) ?? findUndecided(facts);
  known.set(facts, undecided);
  return undecided;
}

function findUndecided(facts: RlsFacts): string[] {
  return groupByReason(
    securedTables(facts).flatMap((table) => {
      const reason = undecidedBecause(facts, table);
      return reason === undefined ? [] : [{ object: displayPath(table), reason }];
    }),
  );
}
