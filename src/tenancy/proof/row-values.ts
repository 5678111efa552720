import type { RowColumn, RowConstraint, RowTable } from './row-columns.ts';

/** What is put into a column: the text of a value, NULL, or whatever the column fills itself with. */
export type Value = string | null;

/** How often values are tried until one pleases the table's checks. */
const MOST_CHOICES = 64;

/**
 * Values that a column may like, the likeliest first: those that its checks mention, one that is in the table already,
 * and what its type makes plausible.
 * @param token makes the value unlike any other where the type has room for that
 */
export function candidatesOf(
  column: RowColumn,
  { constraints, example }: Pick<RowTable, 'constraints' | 'example'>,
  constantsIn: (text: string) => readonly string[],
  token: string,
): Value[] {
  const checks = constraints.filter((one) => one.kind === 'check' && one.columns.includes(column.number));
  const constants = checks.flatMap(({ text }) => (text === undefined ? [] : constantsIn(text)));
  const isUnique = constraints.some((one) => one.kind === 'unique' && one.columns.includes(column.number));
  const known = example[column.name];
  const there = known === undefined || isUnique ? [] : [known];
  const mentioned = column.category === 'N' ? constants.filter(isNumber).flatMap(around) : constants;
  const plausible = plausibleFor(column, token);
  const isFree = checks.length === 0 || isUnique;
  const found = isFree ? [...plausible, ...there, ...mentioned] : [...there, ...mentioned, ...plausible];
  const nullable = column.required ? found.filter((value) => value !== null) : [...found, null];
  return [...new Set(nullable)];
}

const isNumber = (text: string) => /^-?\d+(\.\d+)?$/.test(text);

/** `> 5` is satisfied beside the constant, not at it. */
function around(text: string): string[] {
  const value = Number(text);
  return [text, String(value + 1), String(value - 1)];
}

function plausibleFor({ category, type, labels }: RowColumn, token: string): Value[] {
  switch (category) {
    case 'B':
      return ['true', 'false'];
    case 'N':
      return numbersFor(type, token);
    case 'D':
      return [new Date().toISOString(), '2000-01-01', '2999-12-31'];
    case 'T':
      return ['1 day'];
    case 'E':
      return [...labels];
    case 'A':
      return ['{}'];
    case 'I':
      return ['127.0.0.1'];
    case 'G':
      return ['(0,0)', '((0,0),(1,1))'];
    case 'R':
      return ['empty'];
    case 'V':
      return ['1'];
    case 'S':
      return textsFor(type, token);
    default:
      return othersFor(type, token);
  }
}

function numbersFor(type: string, token: string): string[] {
  const unlike = String(Number.parseInt(token.slice(0, 6), 16));
  return type === 'smallint' || /^numeric\(/.test(type) ? ['1', '0', '2'] : [unlike, '1', '0'];
}

function textsFor(type: string, token: string): string[] {
  const room = Number(/\((\d+)\)/.exec(type)?.[1] ?? 64);
  const fits = (value: string) => value.length <= room;
  const short = token.slice(0, 8);
  return [
    `probe-${token}`,
    `${token}@example.invalid`,
    `https://${token}.invalid`,
    `${short}@a.bc`,
    `https://${short}.bc`,
    token.slice(0, room),
    'a',
    '1',
  ].filter((value) => value.length > 0 && fits(value));
}

function othersFor(type: string, token: string): string[] {
  if (type === 'uuid') return [uuidOf(token)];
  if (type === 'json' || type === 'jsonb') return ['{}', '[]'];
  if (type === 'bytea') return ['\\x00'];
  if (type === 'xml') return ['<a/>'];
  if (type === 'citext') return textsFor(type, token);
  if (type === 'tsvector' || type === 'tsquery') return ['a'];
  if (/^(macaddr|macaddr8)$/.test(type)) return ['08:00:2b:01:02:03:04:05'.slice(0, type === 'macaddr' ? 17 : 23)];
  if (/^(time|timetz|time )/.test(type)) return ['12:00'];
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
