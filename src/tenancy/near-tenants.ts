import type { ColumnFacts } from './facts.ts';
import type { Tenants } from './samples.ts';
import { UUID } from './uuid.ts';

/**
 * Tenants whose identifiers are like the own one: a policy that looks at a part of it, at a remainder or a hash takes
 * some of them for it. The likeliest come first.
 * @param constants of the expression: numbers among them may be what is divided by
 */
export function nearTenants(
  { type, category }: Pick<ColumnFacts, 'type' | 'category'>,
  { own, other, unknown }: Pick<Tenants, 'own' | 'other' | 'unknown'>,
  constants: readonly string[],
): string[] {
  const near =
    category === 'N' ? nearNumbers(type, own, constants) : isText(type, category) ? nearTexts(type, own) : [];
  // A session that writes its tenant in capitals is no other tenant's.
  const known = new Set([own, own.toUpperCase(), other, unknown]);
  return [...new Set(near)].filter((id) => !known.has(id));
}

function isText(type: string, category: string): boolean {
  return type === 'uuid' || category === 'S';
}

/** The greatest number of each type that nothing but a number below it is put into. */
const GREATEST: Readonly<Record<string, bigint>> = {
  smallint: 32_767n,
  integer: 2_147_483_647n,
  bigint: 9_223_372_036_854_775_807n,
  numeric: 9_223_372_036_854_775_807n,
};

/** Beside it, alike in their last or first digits or bits, or divided by any of the first numbers. */
const DISTANCES = [
  1, -1, 10, 100, 1_000, 10_000, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 24, 32, 50, 60, 64, 128, 256, 360, 500, 512, 1_024,
  5_040, 65_536, 720_720, -10, -100, -1_000,
].map(BigInt);

function nearNumbers(type: string, own: string, constants: readonly string[]): string[] {
  if (!/^\d{1,18}$/.test(own)) return [];
  const number = BigInt(own);
  // Of a numeric of so many digits, nobody is sure what more it holds than its like.
  const greatest = GREATEST[type] ?? (/^numeric\(/.test(type) ? 10n ** BigInt(own.length) - 1n : 0n);
  const named = constants.filter((one) => /^\d{1,9}$/.test(one)).map(BigInt);
  // What is masked with 255 repeats after 256.
  const steps = named.slice(0, MOST_NAMED).flatMap((one) => [one, one + 1n, -one]);
  return [...[...steps, ...DISTANCES].map((step) => number + step), number * 10n + 1n]
    .filter((one) => one > 0n && one <= greatest)
    .map(String);
}

const MOST_NAMED = 4;

/** Others in one character alone, from both ends to the middle; texts also in its case, and by one more. */
function nearTexts(type: string, own: string): string[] {
  const room = Number(/\((\d+)\)/.exec(type)?.[1] ?? Number.POSITIVE_INFINITY);
  const isUuid = UUID.test(own);
  const places = [...own].flatMap((character, at) => (/[0-9a-z]/i.test(character) ? [at] : []));
  const ends = places.map((_, at) => (at % 2 === 0 ? places.at(-1 - at / 2)! : places[(at - 1) / 2]!));
  const changed = (by: number) => ends.map((at) => withCharacter(own, at, otherThan(own[at]!, by)));
  // Whatever the case, a UUID is the same.
  const shaped = isUuid ? [] : [withCharacter(own, ...caseChange(own)), `${own}x`];
  const one = changed(1);
  return [...one.slice(0, 4), ...shaped, ...one.slice(4), ...changed(2), ...changed(3)].filter(
    (id) => id.length <= room,
  );
}

/** Another digit of a hexadecimal number, which is a character as any other in a text. */
function otherThan(character: string, by: number): string {
  const at = HEXADECIMAL.indexOf(character.toLowerCase());
  return HEXADECIMAL[(at + by) % HEXADECIMAL.length]!;
}

const HEXADECIMAL = '0123456789abcdef';

/** The first letter in its other case. */
function caseChange(text: string): [at: number, character: string] {
  const at = Math.max(text.search(/[a-z]/i), 0);
  const letter = text[at] ?? '';
  return [at, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()];
}

function withCharacter(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}
