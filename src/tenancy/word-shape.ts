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

/** Takes the words out of some expressions. */
export type ShapeWords = (
  texts: readonly string[],
  columns: readonly TextColumn[],
  isReserved: (word: string) => boolean,
) => WordShape[];

/**
 * Leaves out of some expressions the words that their columns are only ever compared with. Whether such a word is `new`
 * or `won`, the expression answers alike for rows that hold it, or another: what holds for one expression holds for all
 * of its skeleton, word for word. So no word is left out where anything else is made of the column, or where the word
 * means something elsewhere.
 *
 * Of what it returns, `texts` are expressions made of nothing but the server's own functions, as it prints them;
 * `columns` those of text that the expressions read; `isReserved` tells words that are values of rows for a reason of
 * their own. What it has seen but for the strings it remembers.
 */
export function wordShaping(): ShapeWords {
  const known = new Map<string, Pattern>();
  const patternOf = (emptied: string, columns: readonly TextColumn[]) => {
    const key = [emptied, ...columns.map(({ name }) => name)].join('\0');
    const pattern = known.get(key) ?? findComparisons(emptied, columns);
    known.set(key, pattern);
    return pattern;
  };
  return (texts, columns, isReserved) => {
    const drafts = texts.map((text) => {
      const literals = literalsIn(text);
      return { text, literals, ...patternOf(emptyOf(text, literals), columns) };
    });
    const isWhole = drafts.some(({ isOnlyCompared }) => !isOnlyCompared);
    const others = new Set(
      drafts.flatMap(({ literals, compared }) => literals.filter((_, at) => !compared[at]).map(({ value }) => value)),
    );
    const fits = (word: string) => columns.every(({ room }) => room === undefined || word.length <= room);
    const isWord = ({ value }: Literal) => !isWhole && !others.has(value) && !isReserved(value) && fits(value);
    const places = new Map<string, number>();
    return drafts.map(({ text, literals, compared }) => {
      const words = literals.filter((literal, at) => compared[at] && isWord(literal));
      for (const { value } of words) if (!places.has(value)) places.set(value, places.size);
      return { text, words, skeleton: leaveOut(text, words, places) };
    });
  };
}

/** What is made of the literals of an expression, whatever they are. */
interface Pattern {
  /** Of each literal: a column is compared with it. */
  readonly compared: readonly boolean[];
  /** Nothing else is made of the columns. */
  readonly isOnlyCompared: boolean;
}

function findComparisons(emptied: string, columns: readonly TextColumn[]): Pattern {
  const names = new Set(columns.map(({ name }) => name));
  const compared = literalsIn(emptied).map(() => false);
  const places = literalsIn(emptied).map(({ start }) => start);
  const rest = emptied.replace(COMPARISON, (match, bare: string | undefined, cast: string | undefined, at: number) => {
    const place = places.indexOf(at + match.length - "''::text)".length);
    if (place === -1 || !names.has(nameOf(bare ?? cast!))) return match;
    compared[place] = true;
    return '';
  });
  return { compared, isOnlyCompared: columns.every(({ name }) => !rest.includes(name.replaceAll('"', '""'))) };
}

function emptyOf(text: string, literals: readonly Literal[]): string {
  let emptied = '';
  let at = 0;
  for (const { start, end } of literals) {
    emptied += `${text.slice(at, start)}''`;
    at = end;
  }
  return emptied + text.slice(at);
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
export function moveCalls(calls: readonly Call[], from: WordShape, to: WordShape): readonly Call[] {
  // Words of the same length, or behind all calls, move nothing.
  const first = from.words.find(({ start, end }, at) => to.words[at]!.end - to.words[at]!.start !== end - start);
  if (first === undefined || calls.every(({ end }) => end <= first.start)) return calls;
  const moved = (offset: number) =>
    from.words.reduce((sum, word, at) => {
      const other = to.words[at]!;
      return word.start < offset ? sum + (other.end - other.start) - (word.end - word.start) : sum;
    }, offset);
  return calls.map((call) => ({ ...call, start: moved(call.start), end: moved(call.end) }));
}
