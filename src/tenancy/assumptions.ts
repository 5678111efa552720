import type { ColumnFacts } from './facts.ts';
import { withoutStrings } from './sql-tokens.ts';

/** An expression as it is for rows that satisfy some of its conditions, whatever these are. */
export interface Assumed {
  /** The expression with those conditions decided so that it opens most. */
  readonly text: string;
  /** The conditions, as the server prints them. */
  readonly conditions: readonly string[];
}

interface ReadColumn extends Pick<ColumnFacts, 'name' | 'type' | 'category'> {
  readonly labels?: readonly string[];
}

export interface AssumptionQuestion {
  /** Columns that the expression reads, but for those that say whose a row is. */
  readonly columns: readonly ReadColumn[];
  /** Columns that say whose a row is. */
  readonly owners: readonly string[];
  /** Every value that the expression names was tried in every column, with every one in the others. */
  readonly triedAll: boolean;
}

/**
 * Takes for granted what a row can be made to satisfy, and no made-up row may: `length(code) % 7 = 3`. Conditions over
 * columns alone are decided for the worst, those that say whose a row is, or who asks, are left as they are; AND, OR and
 * NOT open no more for that than such a row would.
 * @param text as the server prints it: each operand of AND and OR that is more than a word is in parentheses
 * @returns `undefined` where the rows that were made up tell all there is
 */
export function assume(text: string, question: AssumptionQuestion): Assumed | undefined {
  const tokens = tokensOf(text);
  const open = conditionsIn(tokens, 0, tokens.length, true).filter((one) =>
    isOfRow(tokens.slice(one.from, one.to), question),
  );
  const counts = new Map<string, number>();
  for (const { from, to } of open)
    for (const { name } of columnsOf(tokens.slice(from, to), question.columns))
      counts.set(name, (counts.get(name) ?? 0) + 1);
  const isTold = ({ from, to }: Condition) => {
    const words = tokens.slice(from, to);
    const columns = columnsOf(words, question.columns);
    return columns.length === 1 && isTried(words, columns[0]!, counts.get(columns[0]!.name)!);
  };
  if (open.length === 0 || (question.triedAll && open.every(isTold))) return undefined;
  let assumed = '';
  let at = 0;
  const spans = open.map(({ from, to, opens }) => ({ start: tokens[from]!.start, end: tokens[to - 1]!.end, opens }));
  for (const { start, end, opens } of spans) {
    assumed += text.slice(at, start) + opens;
    at = end;
  }
  return {
    text: assumed + text.slice(at),
    conditions: [...new Set(spans.map(({ start, end }) => text.slice(start, end)))],
  };
}

interface Token {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN = /'[^']*'|"(?:[^"]|"")*"|[a-z_\x80-\uffff][\w$\x80-\uffff]*|\d+(?:\.\d+)?|::|[-+*/<>=~!@#%^&|`?]+|\S/gi;

/** Strings are empty: what they hold is nobody's name. */
function tokensOf(text: string): Token[] {
  return [...withoutStrings(text).matchAll(TOKEN)].map(({ 0: word, index }) => ({
    word,
    start: index,
    end: index + word.length,
  }));
}

/** Tokens of a condition, and what it has to be for the whole to open more. */
interface Condition {
  readonly from: number;
  readonly to: number;
  readonly opens: boolean;
}

/** What AND, OR and NOT are made of. */
function conditionsIn(tokens: readonly Token[], from: number, to: number, opens: boolean): Condition[] {
  if (from >= to) return [];
  if (tokens[from]!.word === '(' && closing(tokens, from) === to - 1)
    return conditionsIn(tokens, from + 1, to - 1, opens);
  for (const word of ['OR', 'AND']) {
    const parts = split(tokens, from, to, word);
    if (parts.length > 1) return parts.flatMap(([start, end]) => conditionsIn(tokens, start, end, opens));
  }
  if (tokens[from]!.word === 'NOT') return conditionsIn(tokens, from + 1, to, !opens);
  return [{ from, to, opens }];
}

/** Parts between a word that stands in no parentheses and no CASE. */
function split(tokens: readonly Token[], from: number, to: number, word: string): [number, number][] {
  const parts: [number, number][] = [];
  let start = from;
  let depth = 0;
  for (let at = from; at < to; at++) {
    const token = tokens[at]!.word;
    if (token === '(' || token === '[' || token === 'CASE') depth++;
    if (token === ')' || token === ']' || token === 'END') depth--;
    if (depth > 0 || token !== word) continue;
    parts.push([start, at]);
    start = at + 1;
  }
  return [...parts, [start, to]];
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]!.word === '(') depth++;
    if (tokens[at]!.word === ')' && --depth === 0) return at;
  }
  return tokens.length;
}

/** What asks who asks, or what stands elsewhere. */
const BEYOND_THE_ROW =
  /^(select|values|with|user|current_(?!date$|time$|timestamp$)\w+|session_user|set_config|has_\w+_privilege|pg_\w+|inet_\w+|row_security_active)$/i;

/** It reads columns of the row alone, none of which says whose it is. Functions of a schema may look anywhere. */
function isOfRow(tokens: readonly Token[], { columns, owners }: AssumptionQuestion): boolean {
  if (tokens.some(({ word }) => BEYOND_THE_ROW.test(word))) return false;
  if (tokens.some(({ word }) => owners.some((name) => isName(word, name)))) return false;
  const isForeignCall = tokens.some(
    ({ word }, at) => word === '(' && tokens[at - 2]?.word === '.' && tokens[at - 4]?.word !== 'OPERATOR',
  );
  return !isForeignCall && columnsOf(tokens, columns).length > 0;
}

function columnsOf(tokens: readonly Token[], columns: readonly ReadColumn[]): ReadColumn[] {
  return columns.filter(({ name }) => tokens.some(({ word }) => isName(word, name)));
}

function isName(word: string, name: string): boolean {
  return word === name || word === `"${name.replaceAll('"', '""')}"`;
}

/** Operators between a column and constants whose every outcome the values in `samples.ts` bring about. */
const ORDERED = /^(=|<>|<|>|<=|>=)$/;
const TRIED: Readonly<Record<string, RegExp>> = { B: ORDERED, D: ORDERED, E: ORDERED, N: ORDERED, S: /^(=|<>)$/ };
const MOST_LABELS = 8;

const SYMBOL = /^[-+*/<>=~!@#%^&|`?]+$/;
const CONSTANT = /^('.*'|\d.*|[()[\],:.]|::)$/s;
const KEYWORD = /^(is|not|null|true|false|distinct|from|any|all|array)$/i;
const NOW = /^(now|current_date|current_timestamp|localtimestamp)$/i;

/** A column, nothing else but constants, and a comparison for which there are rows that satisfy it and rows that do not. */
function isTried(tokens: readonly Token[], column: ReadColumn, uses: number): boolean {
  const { name, type, category, labels = [] } = column;
  const isNull = tokens.some(({ word }) => /^null$/i.test(word)) && !tokens.some(({ word }) => SYMBOL.test(word));
  const operators = type === 'uuid' ? /^(=|<>)$/ : TRIED[category];
  if (operators === undefined && !(isNull && hasValues(column) && tokens.length <= 4)) return false;
  if (category === 'E' && labels.length > MOST_LABELS) return false;
  return tokens.every(({ word }, at) => {
    if (isName(word, name) || CONSTANT.test(word) || KEYWORD.test(word)) return true;
    if (SYMBOL.test(word)) return operators?.test(word) === true;
    // A bound that moves is met by the past and the future, two of them perhaps by neither.
    if (NOW.test(word)) return category === 'D' && uses === 1;
    return isTypeName(tokens, at);
  });
}

/** Types of which `samples.ts` has a value besides NULL. */
function hasValues({ type, category }: ReadColumn): boolean {
  return category === 'U' ? /^(uuid|jsonb?|bytea)$/.test(type) : /^[ABDEINRSTV]$/.test(category);
}

/** `::timestamp with time zone`. */
function isTypeName(tokens: readonly Token[], at: number): boolean {
  let start = at;
  while (start > 0 && /^["a-z_]/i.test(tokens[start]!.word)) start--;
  return tokens[start]!.word === '::' || tokens[start]!.word === '.';
}
