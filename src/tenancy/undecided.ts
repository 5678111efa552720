import { securedTables } from './access.ts';
import { undecidedBecause } from './answers.ts';
import type { RlsFacts } from './facts.ts';
import { groupByReason } from './judge.ts';
import { displayPath } from './names.ts';

/** Tables whose policies could not be evaluated, by reason: what nobody looked at is never green. */
export function undecidedTables(facts: RlsFacts): string[] {
  return groupByReason(
    securedTables(facts).flatMap((table) => {
      const reason = undecidedBecause(facts, table);
      return reason === undefined ? [] : [{ object: displayPath(table), reason }];
    }),
  );
}
