import type { Expression } from './expression.ts';
import { readingUnmade } from './unmade.ts';

/** What of an expression's syntax evaluation goes by; what findings say about its calls is not among it. */
export interface SimpleExpression extends Pick<Expression, 'constants' | 'settings' | 'castsSettings'> {
  /** Its text, for which a setting that holds a stand-in was never made (unmade.ts), where that can be written. */
  readonly unmade: string | undefined;
}

/**
 * Reads an expression that the server printed word by word, where that finds what its grammar finds: no query in it, no
 * escapes, no setting made. Loading the grammar takes longer than many a run.
 * @returns `undefined` where only the grammar tells
 */
export function readSimply(text: string): SimpleExpression | undefined {
  const words = wordsIn(text);
  if (words === undefined || words.some(isBeyond)) return undefined;
  const calls = words.flatMap((word, at) => (word === CALL && words[at + 1] === '(' ? [at] : []));
  if (calls.length !== words.filter((word) => word === CALL || word === `"${CALL}"`).length) return undefined;
  return {
    constants: [...new Set(words.flatMap(constantOf))],
    settings: [...new Set(calls.flatMap((at) => (isString(words[at + 2]) ? constantOf(words[at + 2]!) : [])))],
    castsSettings: calls.every((at) => isCast(words, at)),
    unmade: readingUnmade(text, calls.length),
  };
}

const CALL = 'current_setting';

const WORD = /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[a-z_\x80-\uffff][\w$\x80-\uffff]*|::|./giy;

/** Strings and quoted names with their quotes. Escapes, and what makes more of a string, are left to the grammar. */
function wordsIn(text: string): string[] | undefined {
  const words = text.match(WORD) ?? [];
  const isMarked = (at: number) => isString(words[at]) && /^['\w\x80-\uffff]/.test(words[at - 1] ?? '');
  if (text.includes('\\') || words.some((_, at) => isMarked(at))) return undefined;
  const spoken = words.filter((word) => word.trim() !== '');
  return spoken.some((word, at) => isString(word) && isString(spoken[at + 1])) ? undefined : spoken;
}

/** Queries have words of their own, and a setting that is made would be there for the next expression. */
function isBeyond(word: string): boolean {
  return /^"?(select|set_config)"?$/i.test(word);
}

function isString(word: string | undefined): boolean {
  return word?.startsWith("'") === true;
}

function constantOf(word: string): string[] {
  if (isString(word)) return [word.slice(1, -1).replaceAll("''", "'")];
  return /^\d/.test(word) ? [word] : [];
}

/** Types that no word can be read as, nor as an array of, as the server prints them. */
const STRICT_TYPES: ReadonlySet<string | undefined> = new Set(['uuid', 'smallint', 'integer', 'bigint', 'numeric']);

/** `(current_setting(…))::uuid`, also of NULLIF. */
function isCast(words: readonly string[], call: number): boolean {
  const nullif = words[call - 2] === 'NULLIF' ? call - 2 : undefined;
  const outer = nullif ?? call;
  const end = closing(words, outer + 1);
  return (
    words[outer - 1] === '(' &&
    words[outer - 2] !== 'NULLIF' &&
    words[end + 1] === ')' &&
    words[end + 2] === '::' &&
    STRICT_TYPES.has(words[end + 3])
  );
}

/** Place of the parenthesis that closes the one at `open`. */
function closing(words: readonly string[], open: number): number {
  let depth = 0;
  for (let at = open; at < words.length; at++) {
    if (words[at] === '(') depth++;
    else if (words[at] === ')' && --depth === 0) return at;
  }
  return words.length;
}
