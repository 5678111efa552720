import { literalsIn, withoutStrings } from '../sql-tokens.ts';
import type { RowColumn, RowTable } from './row-columns.ts';
import type { Value } from './row-values.ts';

/** So many kinds of rows are tried behind one way. */
export const MOST_VARIANTS = 4;

/**
 * Values for rows that a view or function may show for what stands in them rather than for whose they are: every switch
 * on, labels in turn, and in every text, number, array and document a word of the definition.
 * @param fixed columns that something else decides: keys, and whose the row is
 * @param words of the definition
 */
export function variedRows(
  { columns, constraints }: Pick<RowTable, 'columns' | 'constraints'>,
  fixed: ReadonlySet<string>,
  words: readonly string[],
): ReadonlyMap<string, Value>[] {
  const lists = freeColumns({ columns, constraints }, fixed).map(
    (column) => [column.name, valuesFor(column, words)] as const,
  );
  const told = lists.filter(([, values]) => values.length > 0);
  const count = Math.min(MOST_VARIANTS, Math.max(0, ...told.map(([, values]) => values.length)));
  return Array.from(
    { length: count },
    (_, turn) => new Map(told.map(([name, values]) => [name, values[turn % values.length]!])),
  );
}

/** Columns that may hold what one likes: no keys, and none that something else decides. */
export function freeColumns(
  { columns, constraints }: Pick<RowTable, 'columns' | 'constraints'>,
  fixed: ReadonlySet<string>,
): RowColumn[] {
  const unique = new Set(constraints.filter(({ kind }) => kind === 'unique').flatMap((one) => one.columns));
  return columns.filter(
    ({ name, number, generated, identity }) => !generated && !identity && !fixed.has(name) && !unique.has(number),
  );
}

/** Words and numbers of SQL, but for the names of settings: a guess that decides which rows are made, and nothing else. */
export function wordsIn(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => {
    const settings = new Set([...text.matchAll(/current_setting\s*\(\s*'([^']*)'/gi)].map(([, name]) => name));
    const literals = literalsIn(text).map(({ value }) => value);
    const numbers = [...withoutStrings(text).matchAll(/(?<![\w.$])\d{1,4}(?![\w.])/g)].map(([number]) => number);
    return [...literals.filter((word) => word !== '' && word.length <= 64 && !settings.has(word)), ...numbers];
  });
  return [...new Set(found)];
}

const NUMBER = /^-?\d{1,4}$/;

function valuesFor(
  { category, type, labels }: Pick<RowTable['columns'][number], 'category' | 'type' | 'labels'>,
  words: readonly string[],
): string[] {
  const texts = words.filter((word) => !NUMBER.test(word));
  switch (category) {
    case 'B':
      return ['true', 'false'];
    case 'E':
      return [...labels].reverse();
    case 'N':
      return words.filter((word) => NUMBER.test(word));
    case 'S': {
      const room = Number(/\((\d+)\)/.exec(type)?.[1] ?? 1_000);
      return texts.filter((word) => word.length <= room);
    }
    case 'A':
      return /^(text|character varying)\[\]$/.test(type) ? texts.map((word) => `{${JSON.stringify(word)}}`) : [];
    default:
      return type === 'json' || type === 'jsonb' ? documentsFor(texts) : [];
  }
}

/** Every word as a key of each, and what stands there of itself. */
function documentsFor(words: readonly string[]): string[] {
  if (words.length === 0) return [];
  return [true, ...words].map((value) => JSON.stringify(Object.fromEntries(words.map((word) => [word, value]))));
}
