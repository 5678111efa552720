import type { Call } from './expression.ts';
import { type Literal, literalsIn } from './sql-tokens.ts';

/** A column of text, as far as words that it is compared with are concerned. */
export interface TextColumn {
  readonly name: string;
  /** Longest value (characters); `undefined`: any. */
  readonly room: number | undefined;
}

/** An expression with the words left out that columns are compared with. */
export interface WordShape {
  readonly text: string;
  /** Equal for expressions that differ in nothing but words. */
  readonly skeleton: string;
  /** Each word that was left out, where it stands. */
  readonly words: readonly Literal[];
}

/** Operators that ask of a text whether it is the same and nothing else, as the server prints them. */
const COMPARISON =
  /\((?:("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)|\(("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\)::text) (?:=|<>|IS DISTINCT FROM|IS NOT DISTINCT FROM) ''::text\)/g;

/**
 * Leaves out of some expressions the words that their columns are only ever compared with. Whether such a word is `new`
 * or `won`, the expression answers alike for rows that hold it, or another: what holds for one expression holds for all
 * of its skeleton, word for word. So no word is left out where anything else is made of the column, or where the word
 * means something elsewhere.
 * @param texts made of nothing but the server's own functions, as it prints them
 * @param columns the columns of text that the expressions read
 * @param isReserved tells words that are values of rows for a reason of their own
 */
export function wordShapes(
  texts: readonly string[],
  columns: readonly TextColumn[],
  isReserved: (word: string) => boolean,
): WordShape[] {
  const drafts = texts.map((text) => findWords(text, columns));
  const isWhole = drafts.some(({ isOnlyCompared }) => !isOnlyCompared);
  const others = new Set(drafts.flatMap(({ others: values }) => values));
  const fits = (word: string) => columns.every(({ room }) => room === undefined || word.length <= room);
  const isWord = ({ value }: Literal) => !isWhole && !others.has(value) && !isReserved(value) && fits(value);
  const places = new Map<string, number>();
  return drafts.map(({ text, compared }) => {
    const words = compared.filter(isWord);
    for (const { value } of words) if (!places.has(value)) places.set(value, places.size);
    return { text, words, skeleton: leaveOut(text, words, places) };
  });
}

interface Found {
  readonly text: string;
  /** Literals that a column is compared with. */
  readonly compared: readonly Literal[];
  /** Values of all other literals. */
  readonly others: readonly string[];
  readonly isOnlyCompared: boolean;
}

function findWords(text: string, columns: readonly TextColumn[]): Found {
  const literals = literalsIn(text);
  const { emptied, places } = emptyOf(text, literals);
  const names = new Set(columns.map(({ name }) => name));
  const compared = new Set<Literal>();
  const rest = emptied.replace(COMPARISON, (match, bare: string | undefined, cast: string | undefined, at: number) => {
    const literal = literals[places.indexOf(at + match.length - "''::text)".length)];
    if (literal === undefined || !names.has(nameOf(bare ?? cast!))) return match;
    compared.add(literal);
    return '';
  });
  return {
    text,
    compared: [...compared],
    others: literals.filter((literal) => !compared.has(literal)).map(({ value }) => value),
    isOnlyCompared: columns.every(({ name }) => !rest.includes(name.replaceAll('"', '""'))),
  };
}

/** The text with every literal emptied, and where each of them then begins. */
function emptyOf(text: string, literals: readonly Literal[]): { emptied: string; places: readonly number[] } {
  let emptied = '';
  let at = 0;
  const places = literals.map(({ start, end }) => {
    emptied += text.slice(at, start);
    at = end;
    emptied += "''";
    return emptied.length - 2;
  });
  return { emptied: emptied + text.slice(at), places };
}

function nameOf(printed: string): string {
  return printed.startsWith('"') ? printed.slice(1, -1).replaceAll('""', '"') : printed;
}

/** Numbers stand in the place of words: which of them are the same is a part of the skeleton. */
function leaveOut(text: string, words: readonly Literal[], places: ReadonlyMap<string, number>): string {
  let out = '';
  let at = 0;
  for (const { start, end, value } of words) {
    out += `${text.slice(at, start)}\0${places.get(value)}\0`;
    at = end;
  }
  return out + text.slice(at);
}

/** What the words of one expression are in another of the same skeleton. */
export function translate(from: readonly WordShape[], to: readonly WordShape[]): ReadonlyMap<string, string> {
  const pairs = from.flatMap(({ words }, at) =>
    words.map(({ value }, place): [string, string] => [value, to[at]!.words[place]!.value]),
  );
  return new Map(pairs.filter(([one, other]) => one !== other));
}

/** Calls of one expression where they stand in another of the same skeleton. */
export function moveCalls(calls: readonly Call[], from: WordShape, to: WordShape): Call[] {
  const moved = (offset: number) =>
    from.words.reduce((sum, word, at) => {
      const other = to.words[at]!;
      return word.start < offset ? sum + (other.end - other.start) - (word.end - word.start) : sum;
    }, offset);
  return calls.map((call) => ({ ...call, start: moved(call.start), end: moved(call.end) }));
}
