import { quoteLiteral } from '../../postgres/quote.ts';
import type { ArgumentFacts } from '../facts.ts';
import { UUID } from '../uuid.ts';

/** What is known of a tenant and of the rows that were made for it. */
export interface Belongings {
  readonly tenant: string;
  readonly values: ReadonlySet<string>;
}

/** One call of a function: its arguments in SQL, and what they hold. */
export interface Call {
  readonly arguments: string;
  /** What comes out of the function may be no more than these. */
  readonly values: readonly string[];
}

/** Combinations that are tried of one function in one session. */
const MOST_CALLS = 16;
/** Values that are tried for one argument. */
const MOST_VALUES = 4;

/** No function takes an argument: it is called as it is. */
const BARE: readonly Call[] = [{ arguments: '', values: [] }];

/**
 * Calls without the arguments that may be left away, and with them: a default that is the own tenant's may be replaced
 * by whoever calls. Both kinds in turn, since of many calls the first ones are tried.
 * @param caller tenant of the session
 */
export function callsWith(
  parameters: readonly ArgumentFacts[],
  belongings: Belongings,
  caller: string,
): readonly Call[] {
  const required = parameters.filter(({ hasDefault }) => !hasDefault);
  const short = callsOf(required, belongings, caller);
  if (required.length === parameters.length) return short;
  const full = callsOf(parameters, belongings, caller);
  const longest = Math.max(short.length, full.length);
  return Array.from({ length: longest }, (_, at) => [short[at], full[at]])
    .flat()
    .filter((call) => call !== undefined);
}

/**
 * Calls with what belongs to a tenant: its identifier, the keys of its rows, its texts, each where its type allows it;
 * for another's also the caller's own identifier beside them, as whoever tries other people's keys would call.
 */
function callsOf(
  parameters: readonly ArgumentFacts[],
  { tenant, values }: Belongings,
  caller: string,
): readonly Call[] {
  if (parameters.length === 0) return BARE;
  const ordered = [...new Set([tenant, ...values, caller])];
  const lists = parameters.map((parameter) => candidatesFor(parameter, ordered));
  const count = Math.min(
    MOST_CALLS,
    lists.reduce((product, list) => product * list.length, 1),
  );
  return Array.from({ length: count }, (_, turn) => callAt(parameters, lists, turn));
}

function callAt(parameters: readonly ArgumentFacts[], lists: readonly (string | null)[][], turn: number): Call {
  let rest = turn;
  const chosen = lists.map((list) => {
    const value = list[rest % list.length]!;
    rest = Math.floor(rest / list.length);
    return value;
  });
  const written = chosen.map((value, at) => {
    const { type, isVariadic } = parameters[at]!;
    return `${isVariadic ? 'variadic ' : ''}${value === null ? 'null' : quoteLiteral(value)}::${type}`;
  });
  return { arguments: written.join(', '), values: chosen.filter((value) => value !== null) };
}

const INTEGER = /^-?\d{1,18}$/;

function candidatesFor({ type, category, labels }: ArgumentFacts, values: readonly string[]): (string | null)[] {
  const some = (list: readonly string[]) => (list.length === 0 ? [null] : list.slice(0, MOST_VALUES));
  switch (category) {
    case 'B':
      return ['true', 'false'];
    case 'N':
      return some([...values.filter((value) => INTEGER.test(value) && fits(type, value)), '100']);
    case 'D':
      return ['1970-01-01', '2999-12-31'];
    case 'T':
      return ['1 day'];
    case 'E':
      return some(labels);
    case 'A':
      return some(elementsFor(type, values).map((value) => `{${JSON.stringify(value)}}`));
    case 'S':
      return some(values);
    default:
      if (type === 'uuid') return some(values.filter((value) => UUID.test(value)));
      return type === 'json' || type === 'jsonb' ? some(values.map((value) => documentOf(value))) : [null];
  }
}

function elementsFor(type: string, values: readonly string[]): readonly string[] {
  const element = type.replace(/\[\]$/, '');
  if (element === 'uuid') return values.filter((value) => UUID.test(value));
  const isNumber = /^(smallint|integer|bigint|numeric)/.test(element);
  return isNumber ? values.filter((value) => INTEGER.test(value) && fits(element, value)) : values;
}

/** A document as functions like to be given them. */
function documentOf(value: string): string {
  return JSON.stringify({ id: value, tenant_id: value, key: value });
}

function fits(type: string, value: string): boolean {
  const largest = { smallint: 32_767, integer: 2_147_483_647 }[type];
  return largest === undefined || Math.abs(Number(value)) <= largest;
}

/** A type of which what is tried is all that could tell: keys, tenants and switches, but no text or document. */
export function isEnumerable({ type, category }: ArgumentFacts): boolean {
  return ['B', 'N', 'D', 'T', 'E'].includes(category) || type === 'uuid';
}
