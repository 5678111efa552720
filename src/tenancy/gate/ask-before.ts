import { quoteIdentifier } from '../../postgres/quote.ts';
import type { SecuredTable } from './state.ts';

/** Whatever policies stand on is changed by a statement that says one of these, or builds what it says. */
const CHANGES_WHAT_IS_CALLED = /\b(function|procedure|routine|view|rule|operator|execute)\b/i;

/** Policies are, or which of them a table is read under, or by whom; such a statement names the table. */
const CHANGES_POLICIES = /\b(policy|inherit|attach|grant|owner)\b/i;

/**
 * Tables whose policies have to be asked in front of a file that commits as it goes, since nobody can ask behind it what
 * they opened before. A file that changes more than its text says counts what they open as new.
 * @param standOnAny whether policies stand on any function, operator, view or other table
 */
export async function tablesToAskBefore(
  text: string,
  isolated: readonly SecuredTable[],
  standOnAny: () => Promise<boolean>,
): Promise<readonly SecuredTable[]> {
  if (CHANGES_WHAT_IS_CALLED.test(text) && (await standOnAny())) return isolated;
  if (!CHANGES_POLICIES.test(text)) return [];
  const said = text.toLowerCase();
  return isolated.filter(({ name }) =>
    [name, quoteIdentifier(name)].some((spelling) => said.includes(spelling.toLowerCase())),
  );
}
