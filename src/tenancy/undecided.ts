import { securedTables } from './access.ts';
import { undecidedBecause } from './answers.ts';
import type { RlsFacts } from './facts.ts';
import { displayPath, listNames } from './names.ts';

/** Tables whose policies could not be evaluated, by reason: what nobody looked at is never green. */
export function undecidedTables(facts: RlsFacts): string[] {
  const byReason = new Map<string, string[]>();
  for (const table of securedTables(facts)) {
    const reason = undecidedBecause(facts, table);
    if (reason !== undefined) byReason.set(reason, [...(byReason.get(reason) ?? []), displayPath(table)]);
  }
  return [...byReason].map(([reason, tables]) => `${listNames(tables)}: ${reason}`);
}
