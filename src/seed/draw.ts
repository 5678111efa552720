import { hash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** What the rows of one table and tenant have in common: 128 bits, as whole numbers of 32. */
export type Key = readonly [number, number, number, number];

/** The key of the rows that go by this name. */
export function keyOf(name: string): Key {
  const digest = hash('md5', name, 'hex');
  const [a, b, c, d] = [0, 8, 16, 24].map((at) => Number.parseInt(digest.slice(at, at + 8), 16) | 0);
  return [a!, b!, c!, d!];
}

/**
 * What chance decides about one row: a function of its key and number alone, so that a row is the same whatever was made
 * before it, and so that any row can know another one's id without having seen it.
 */
export class Draw {
  readonly #state: Key;
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  constructor(key: Key, n: number) {
    this.#state = stateOf(key, n);
    this.#generator = xoroshiro128plusFromState(this.#state);
  }

  /** The row's uuid, in the form of gen_random_uuid(). */
  get id(): string {
    return uuidOf(this.#state);
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return uniformInt(this.#generator, least, most);
  }

  /** One of the list, each as likely as any other; repeat what shall come more often. */
  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  /** True in `percent` of a hundred rows. */
  chance(percent: number): boolean {
    return this.int(1, 100) <= percent;
  }

  /** A moment between two, in milliseconds since 1970. */
  between(from: number, to: number): number {
    return from + this.int(0, Math.max(0, Math.floor((to - from) / 1000))) * 1000;
  }
}

/** The id of row `n` of a key: that of its `Draw`, without the rest. */
export function idOf(key: Key, n: number): string {
  return uuidOf(stateOf(key, n));
}

/**
 * Each word hangs on the one before and on the key. The first differs for any two rows of a key, so that their ids do;
 * ids of two keys are as far apart as chance makes them. A cryptographic hash takes ten times as long.
 */
function stateOf(key: Key, n: number): Key {
  const a = mix(key[0] + n);
  const b = mix(key[1] ^ a);
  const c = mix(key[2] ^ b);
  return [a, b, c, mix(key[3] ^ c)];
}

/** Turns a number of 32 bits into another one, and no two into the same: the end of MurmurHash3. */
function mix(number: number): number {
  let word = number | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

const DIGITS = Buffer.from('0123456789abcdef');

/** In which an id is written before it is a string: joined of pieces, strings take three times as long. */
const uuid = Buffer.from('00000000-0000-0000-0000-000000000000');

/** Version 4, variant 1 (RFC 9562, 5.4). */
function uuidOf(state: Key): string {
  writeHex(0, state[0] >>> 16);
  writeHex(4, state[0]);
  writeHex(9, state[1] >>> 16);
  writeHex(14, (state[1] & 0x0fff) | 0x4000);
  writeHex(19, ((state[2] >>> 16) & 0x3fff) | 0x8000);
  writeHex(24, state[2]);
  writeHex(28, state[3] >>> 16);
  writeHex(32, state[3]);
  return uuid.toString('latin1');
}

/** The lower 16 bits of a number, as four digits. */
function writeHex(at: number, number: number): void {
  uuid[at] = DIGITS[(number >>> 12) & 15]!;
  uuid[at + 1] = DIGITS[(number >>> 8) & 15]!;
  uuid[at + 2] = DIGITS[(number >>> 4) & 15]!;
  uuid[at + 3] = DIGITS[number & 15]!;
}
