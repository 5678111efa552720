import { hash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * What chance decides about one row: a function of its key alone, so that a row is the same whatever was made before
 * it, and so that any row can know another one's id without having seen it.
 */
export class Draw {
  /** The row's uuid, in the form of gen_random_uuid(). */
  readonly id: string;
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  constructor(key: string) {
    const digest = digestOf(key);
    this.id = uuidOf(digest);
    this.#generator = xoroshiro128plusFromState([0, 8, 16, 24].map((at) => word(digest, at)));
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

/** The id of the row with that key: that of its `Draw`, without the rest. */
export function idOf(key: string): string {
  return uuidOf(digestOf(key));
}

function digestOf(key: string): string {
  return hash('md5', key, 'hex');
}

/** Version 4, variant 1 (RFC 9562, 5.4). */
function uuidOf(digest: string): string {
  const variant = '89ab'[Number.parseInt(digest[16]!, 16) & 3];
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20)}`;
}

function word(digest: string, at: number): number {
  return Number.parseInt(digest.slice(at, at + 8), 16) | 0;
}
