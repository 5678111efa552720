import type { ColumnFacts } from './facts.ts';
import { UUID } from './uuid.ts';

/** Who may stand in a value that is made of others. */
export interface Bearers {
  /** The tenant of the session. */
  readonly own: string;
  /** The user who asks. */
  readonly subject: string;
}

/** A value of a type that is made of others, as JSON of the column; the second list has those that name the user. */
export interface Structures {
  readonly plain: readonly unknown[];
  readonly personal: readonly unknown[];
}

/** So many words of an expression are tried in a document or array. */
const MOST_WORDS = 6;

const NONE: Structures = { plain: [], personal: [] };

/**
 * Values of types that are made of others, at which an expression may change its mind: documents with the keys that it
 * names, arrays of its words, ranges that hold everything, nothing, the past or what is to come, addresses of its nets.
 * @param constants strings and numbers of the expression
 */
export function structuresOf(
  { type, category }: Pick<ColumnFacts, 'type' | 'category'>,
  constants: readonly string[],
  bearers: Bearers,
): Structures {
  switch (category) {
    case 'A':
      return arraysOf(type.replace(/\[\]$/, ''), constants, bearers);
    case 'R':
      return { ...NONE, plain: rangesOf(type, constants) };
    case 'T':
      return { ...NONE, plain: type === 'interval' ? ['0', '1000 years', '-1000 years'] : [] };
    case 'I':
      return { ...NONE, plain: ['127.0.0.1', ...constants.flatMap(addressIn)] };
    case 'V':
      return { ...NONE, plain: bitsOf(type) };
    default:
      if (type === 'json' || type === 'jsonb') return documentsOf(constants, bearers);
      return { ...NONE, plain: type === 'bytea' ? ['\\x', ...constants.filter((one) => BYTES.test(one))] : [] };
  }
}

const NUMBER = /^-?\d{1,9}(\.\d+)?$/;
const BYTES = /^\\x([0-9a-f]{2})*$/i;

/** Nothing, each word by itself, and all of them together. */
function arraysOf(element: string, constants: readonly string[], { own, subject }: Bearers): Structures {
  const isOf = elementTest(element);
  if (isOf === undefined) return { plain: [[]], personal: [] };
  const words = constants.flatMap((one) => ELEMENTS.exec(one)?.[1]?.split(',') ?? [one]).filter(isOf);
  const few = [...new Set(words)].slice(0, MOST_WORDS);
  return {
    plain: [
      [],
      ...[own].filter(isOf).map((one) => [one]),
      ...few.map((one) => [one]),
      ...(few.length > 1 ? [few] : []),
    ],
    personal: [subject].filter(isOf).map((one) => [one]),
  };
}

/** `{a,b}`, as the server prints an array of plain words. */
const ELEMENTS = /^\{([^{}"\\]+)\}$/;

function elementTest(element: string): ((value: string) => boolean) | undefined {
  if (element === 'uuid') return (value) => UUID.test(value);
  if (/^(smallint|integer|bigint|numeric)$/.test(element)) return (value) => /^-?\d{1,4}$/.test(value);
  if (element === 'text' || element === 'character varying') return () => true;
  return undefined;
}

/** Built-in ranges, by what they are made of: bounds in the past and in the future, or numbers. */
const BOUNDS: Readonly<Record<string, 'days' | 'numbers'>> = {
  int4: 'numbers',
  int8: 'numbers',
  num: 'numbers',
  ts: 'days',
  tstz: 'days',
  date: 'days',
};

function rangesOf(type: string, constants: readonly string[]): string[] {
  const [, kind = '', multi] = /^(?:(int4|int8|num|tstz|ts|date)(multi)?range)$/.exec(type) ?? [];
  const isMulti = multi !== undefined || /multirange$/.test(type);
  const numbers = constants.filter((one) => /^-?\d{1,4}$/.test(one)).slice(0, MOST_WORDS);
  const bounded = {
    days: ['[1970-01-01,1970-01-03)', '[2999-12-29,2999-12-31)'],
    numbers: ['[0,2)', ...numbers.map((one) => `[${one},${one}]`)],
  }[BOUNDS[kind] as 'days' | 'numbers'];
  const ranges = ['(,)', ...(bounded ?? [])];
  return isMulti ? ['{}', ...ranges.map((range) => `{${range}}`)] : ['empty', ...ranges];
}

/** An address within a net that is named: `10.0.0.0` of `10.0.0.0/8`. */
function addressIn(text: string): string[] {
  const [, address] =
    /^((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?:\/\d{1,3})?$/i.exec(text) ?? [];
  const isOne = address?.includes(':') || address?.split('.').every((part) => Number(part) < 256);
  return address !== undefined && isOne ? [address] : [];
}

function bitsOf(type: string): string[] {
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? 1);
  return length > 256 ? [] : ['0'.repeat(length), '1'.repeat(length)];
}

/** Documents that stand in the expression, and such as have every word as a key, one and two deep, and hold some word. */
function documentsOf(constants: readonly string[], { own, subject }: Bearers): Structures {
  const documents = constants.flatMap(documentIn);
  const words = [
    ...new Set(constants.filter((one) => one !== '' && !NUMBER.test(one) && documentIn(one).length === 0)),
  ];
  const keys = words.slice(0, MOST_WORDS * 2);
  if (keys.length === 0) return { plain: [{}, ...documents], personal: [] };
  const numbers = constants.filter((one) => /^-?\d{1,9}$/.test(one)).slice(0, MOST_WORDS);
  const beside = numbers.flatMap((one) => [Number(one), Number(one) + 1, Number(one) - 1]);
  const values = [true, false, ...keys.slice(0, MOST_WORDS), ...new Set(beside), own];
  const flat = (value: unknown) => Object.fromEntries(keys.map((key) => [key, value]));
  const both = (value: unknown) => [flat(value), flat(flat(value))];
  return { plain: [{}, ...documents, ...values.flatMap(both)], personal: both(subject) };
}

function documentIn(text: string): unknown[] {
  if (!/^\s*[[{]/.test(text)) return [];
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}
