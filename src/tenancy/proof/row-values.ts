import { textMatching } from './matching-text.ts';
import type { RowColumn, RowConstraint, RowTable } from './row-columns.ts';

/** What is put into a column: the text of a value, NULL, or whatever the column fills itself with. */
export type Value = string | null;

/** How often values are tried until one pleases the table's checks. */
const MOST_CHOICES = 64;

type CandidateSource = Pick<RowTable, 'constraints' | 'example'> & Partial<Pick<RowTable, 'triggerTexts'>>;

/**
 * Values that a column may like, the likeliest first: those that its checks mention, one that is in the table already,
 * and what its type makes plausible.
 * @param token makes the value unlike any other where the type has room for that
 */
export function candidatesOf(
  column: RowColumn,
  { constraints, example, triggerTexts = [] }: CandidateSource,
  constantsIn: (text: string) => readonly string[],
  token: string,
): Value[] {
  const checks = constraints.filter((one) => one.kind === 'check' && one.columns.includes(column.number));
  const constants = checks.flatMap(({ text }) => (text === undefined ? [] : constantsIn(text)));
  const demanded = column.category === 'S' ? textsMentioned(triggerTexts, column.type, token) : [];
  const isUnique = constraints.some((one) => one.kind === 'unique' && one.columns.includes(column.number));
  const known = example[column.name];
  const there = known === undefined || isUnique ? [] : [known];
  const mentioned = mentionedFor(column, constants, token);
  const plausible = plausibleFor(column, token);
  const isFree = checks.length === 0 || isUnique;
  const found = isFree
    ? [...plausible, ...there, ...mentioned, ...demanded]
    : [...there, ...mentioned, ...plausible, ...demanded];
  const nullable = column.required ? found.filter((value) => value !== null) : [...found, null];
  return [...new Set(nullable)];
}

const isNumber = (text: string) => /^-?\d+(\.\d+)?$/.test(text);

/** What the constants of its checks make of a column: a value, a length, a pattern, the keys of a document. */
function mentionedFor({ category, type, labels }: RowColumn, constants: readonly string[], token: string): string[] {
  const numbers = constants.filter(isNumber).map(Number);
  switch (category) {
    case 'N':
      return [...new Set([...numbers.flatMap((value) => around(value, type)), ...between(numbers, type)].map(String))];
    case 'S':
      return textsMentioned(constants, type, token);
    case 'A':
      return arraysFor(type, numbers, constants);
    case 'E':
      return labels.filter((label) => constants.includes(label));
    case 'R':
    case 'C':
      return constants.filter((text) => /^[[({]/.test(text));
    default:
      return type === 'json' || type === 'jsonb'
        ? documentsFor(constants)
        : constants.filter((text) => fits(type, text));
  }
}

/** `> 5` is satisfied beside the constant, not at it. */
function around(value: number, type: string): number[] {
  return /^(numeric|double|real)/.test(type)
    ? [value, value + 1, value - 1, value + 0.5]
    : [value, value + 1, value - 1];
}

/** `between 10 and 20`, whatever lies just outside. */
function between(numbers: readonly number[], type: string): number[] {
  const ordered = numbers.toSorted((a, b) => a - b);
  const middles = ordered.slice(1).map((value, at) => (value + ordered[at]!) / 2);
  return /^(numeric|double|real)/.test(type) ? middles : middles.map(Math.floor);
}

/** The constants themselves; as patterns of LIKE and of regular expressions; as lengths. */
function textsMentioned(constants: readonly string[], type: string, token: string): string[] {
  const room = roomOf(type);
  const words = constants.filter((text) => !isNumber(text));
  const patterns = words
    .flatMap((text) => [
      /[%_]/.test(text) ? text.replaceAll('%', token.slice(0, 8)).replaceAll('_', 'a') : undefined,
      /[\\^$[\](){}+*?.|]/.test(text) ? textMatching(text, token) : undefined,
    ])
    .filter((text) => text !== undefined);
  const lengths = constants.filter((text) => /^\d{1,3}$/.test(text)).flatMap((text) => around(Number(text), 'integer'));
  const long = lengths.filter((length) => length > 0).map((length) => token.repeat(32).slice(0, length));
  return [...patterns, ...words, ...constants.filter(isNumber), ...long].filter((text) => text.length <= room);
}

/** One, two and three elements, and as many as a check speaks of. */
function arraysFor(type: string, numbers: readonly number[], constants: readonly string[]): string[] {
  const element = type.replace(/\[\]$/, '');
  const likely = /^(smallint|integer|bigint|numeric)/.test(element) ? '1' : element === 'uuid' ? uuidOf('') : 'a';
  const words = constants.filter((text) => !isNumber(text) && fits(element, text));
  const counts = [...new Set([...numbers.filter((count) => count > 0 && count <= 16), 1, 2])];
  return [likely, ...words].flatMap((one) =>
    counts.map((count) => `{${Array(count).fill(JSON.stringify(one)).join(',')}}`),
  );
}

/** Documents with every word of the checks as a key, and each as their value. */
function documentsFor(constants: readonly string[]): string[] {
  const words = constants.filter((text) => !isNumber(text));
  const documents = constants.filter((text) => fits('json', text));
  if (words.length === 0) return documents;
  const valued = [...words, 1, true, {}, []].map((value) => Object.fromEntries(words.map((word) => [word, value])));
  return [...documents, ...valued.map((one) => JSON.stringify(one))];
}

/** Whether a type may take a text at all; what it refuses tells nothing of a check. */
function fits(type: string, text: string): boolean {
  if (type === 'uuid') return /^[0-9a-f-]{36}$/i.test(text);
  if (type === 'json' || type === 'jsonb') return isJson(text);
  if (/^(date|time|timestamp)/.test(type)) return !Number.isNaN(Date.parse(text)) || /^\d\d:\d\d/.test(text);
  if (type === 'interval') return /^(\d+ [a-z]+|\d\d:\d\d)/i.test(text);
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(type)) return isNumber(text);
  return true;
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

function plausibleFor({ category, type, labels, fields }: RowColumn, token: string): Value[] {
  switch (category) {
    case 'B':
      return ['true', 'false'];
    case 'N':
      return numbersFor(type, token);
    case 'D':
      if (/^(time|timetz|time .*)$/.test(type) || type.startsWith('time(')) return ['12:00'];
      return [new Date().toISOString(), '2000-01-01', '2999-12-31'];
    case 'T':
      return ['1 day'];
    case 'E':
      return [...labels];
    case 'A':
      return ['{}', ...arraysFor(type, [], [])];
    case 'I':
      return ['127.0.0.1'];
    case 'G':
      return ['(0,0)', '((0,0),(1,1))'];
    case 'R':
      return rangesFor(type, token);
    case 'C':
      return fields === undefined ? [] : [`(${','.repeat(fields - 1)})`];
    case 'V':
      return ['1'];
    case 'S':
      return textsFor(type, token);
    default:
      return othersFor(type, token);
  }
}

/** One that overlaps no other by chance, the empty one, and all there is. */
function rangesFor(type: string, token: string): string[] {
  const place = Number.parseInt(token.slice(0, 6), 16);
  const kind = /^(int4|int8|num|tstz|ts|date)(?:multi)?range$/.exec(type)?.[1];
  const day = (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10);
  const bounds =
    kind === undefined
      ? undefined
      : /^(int|num)/.test(kind)
        ? [place, place + 1]
        : [day(place % 300_000), day((place % 300_000) + 1)];
  const ranges = [...(bounds === undefined ? [] : [`[${bounds.join(',')})`]), 'empty', '(,)'];
  return /multirange$/.test(type) ? ranges.map((range) => (range === 'empty' ? '{}' : `{${range}}`)) : ranges;
}

function numbersFor(type: string, token: string): string[] {
  const unlike = String(Number.parseInt(token.slice(0, 6), 16));
  return type === 'smallint' || /^numeric\(/.test(type) ? ['1', '0', '2'] : [unlike, '1', '0'];
}

function textsFor(type: string, token: string): string[] {
  const room = roomOf(type);
  const short = token.slice(0, 8);
  return [
    `probe-${token}`,
    `${token}@example.invalid`,
    `https://${token}.invalid`,
    `${short}@a.bc`,
    `https://${short}.bc`,
    token.slice(0, Math.min(room, 32)),
    'a',
    '1',
  ].filter((value) => value.length > 0 && value.length <= room);
}

function roomOf(type: string): number {
  return Number(/\((\d+)\)/.exec(type)?.[1] ?? 1_000);
}

function othersFor(type: string, token: string): string[] {
  if (type === 'uuid') return [uuidOf(token)];
  if (type === 'json' || type === 'jsonb') return ['{}', '[]'];
  if (type === 'bytea') return ['\\x00'];
  if (type === 'xml') return ['<a/>'];
  if (type === 'citext') return textsFor(type, token);
  if (type === 'tsvector' || type === 'tsquery') return ['a'];
  if (/^(macaddr|macaddr8)$/.test(type)) return ['08:00:2b:01:02:03:04:05'.slice(0, type === 'macaddr' ? 17 : 23)];
  return [];
}

/** A version 4 UUID of 32 hexadecimal digits. */
function uuidOf(token: string): string {
  const hex = token.padEnd(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A tenant that there is not, as a value of a column of this category (`pg_type.typcategory`). */
export function freshTenant(category: string, token: string): string {
  if (category === 'N') return String(1_000_000_000 + (Number.parseInt(token.slice(0, 7), 16) % 1_000_000_000));
  return uuidOf(token);
}

/** The choices for the columns of a check, in turn; the first one is what was tried already. */
export function* choicesFor(
  columns: readonly string[],
  candidates: ReadonlyMap<string, readonly Value[]>,
): Generator<ReadonlyMap<string, Value>> {
  const lists = columns.map((name) => candidates.get(name) ?? []);
  const count = Math.min(
    MOST_CHOICES,
    lists.reduce((product, list) => product * Math.max(list.length, 1), 1),
  );
  for (let turn = 0; turn < count; turn++) {
    let rest = turn;
    const choice = new Map<string, Value>();
    for (const [at, name] of columns.entries()) {
      const list = lists[at]!;
      if (list.length === 0) continue;
      choice.set(name, list[rest % list.length]!);
      rest = Math.floor(rest / list.length);
    }
    yield choice;
  }
}

/** Names of the columns of a constraint. */
export function columnsOf({ columns }: RowConstraint, table: Pick<RowTable, 'columns'>): string[] {
  return columns.flatMap((number) => table.columns.find((column) => column.number === number)?.name ?? []);
}
