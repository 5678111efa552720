import { quoteIdentifier } from '../../postgres/quote.ts';
import type { SecuredTable } from './state.ts';

/** Whatever policies stand on is changed by a statement that says one of these, or builds what it says. */
const CHANGES_WHAT_IS_CALLED = /\b(function|procedure|routine|view|rule|operator|execute)\b/i;

/** Policies are, or which of them a table is read under, or by whom; such a statement names the table. */
const CHANGES_POLICIES = /\b(policy|inherit|attach|grant|owner)\b/i;

/** What is asked of the server only where the answer matters. */
interface Server {
  /** Whether policies stand on any function, operator, view or other table. */
  standOnAny(): Promise<boolean>;
  /** Whether functions change things that have one of these names, or that are set off by a change of rows where tables have. */
  changeAny(names: readonly string[], writesRows: boolean): Promise<boolean>;
}

const WRITES_ROWS = /\b(insert|update|delete|truncate|merge|copy)\b/i;

/**
 * Tables whose policies have to be asked in front of a file that commits as it goes, since nobody can ask behind it what
 * they opened before. A file that changes more than its text says, and what it calls, counts what they open as new.
 */
export async function tablesToAskBefore(
  text: string,
  isolated: readonly SecuredTable[],
  server: Server,
): Promise<readonly SecuredTable[]> {
  if (isolated.length === 0) return [];
  if (CHANGES_WHAT_IS_CALLED.test(text) && (await server.standOnAny())) return isolated;
  if (await server.changeAny(namesIn(text), WRITES_ROWS.test(text))) return isolated;
  if (!CHANGES_POLICIES.test(text)) return [];
  const said = text.toLowerCase();
  return isolated.filter(({ name }) =>
    [name, quoteIdentifier(name)].some((spelling) => said.includes(spelling.toLowerCase())),
  );
}

/** Whatever may be the name of a function or table, as it is spelled in the catalog, but in small letters. */
function namesIn(text: string): string[] {
  const names = new Set<string>();
  for (const [word] of text.toLowerCase().matchAll(/"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*/gu))
    names.add(word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word);
  return [...names];
}
