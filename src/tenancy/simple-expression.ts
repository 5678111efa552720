import type { Expression } from './expression.ts';
import { readingUnmade } from './unmade.ts';

/** What of an expression's syntax evaluation goes by; what findings say about its calls is not among it. */
export interface SimpleExpression extends Pick<Expression, 'constants' | 'settings' | 'castsSettings'> {
  /** Its text, for which a setting that holds a stand-in was never made (unmade.ts), where that can be written. */
  readonly unmade: string | undefined;
  /** Where its settings are the same, so is its answer, whichever role asks. */
  readonly isRoleBlind: boolean;
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
    isRoleBlind: words.every((word, at) => isBlind(word, words[at + 1])),
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

/** What the server prints in capitals (`CURRENT_USER` is no such word), and functions; none of them goes by the role. */
const BLIND_KEYWORDS: ReadonlySet<string> = new Set(
  'ALL AND ANY ARRAY CASE COALESCE DISTINCT ELSE END FALSE FROM GREATEST IS LEAST NOT NULL NULLIF OR THEN TRUE WHEN'.split(
    ' ',
  ),
);
const BLIND_CALLS: ReadonlySet<string> = new Set(
  [CALL, 'abs', 'btrim', 'concat', 'length', 'lower', 'ltrim', 'md5', 'now', 'numeric', 'replace', 'rtrim'].concat([
    'split_part',
    'starts_with',
    'strpos',
    'upper',
    'varying',
  ]),
);

/** Not the types of names (`regclass`), which are looked up as the role. */
function isBlind(word: string, next: string | undefined): boolean {
  if (/^[A-Z_]+$/.test(word)) return BLIND_KEYWORDS.has(word);
  return next === '(' && /^["a-z_\x80-\uffff]/i.test(word) ? BLIND_CALLS.has(word) : !word.startsWith('reg');
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
