import { createHash } from 'node:crypto';

/** Size and SHA-256 of what passes. */
export class Digest {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  /** Hands the chunks on; the result is known when all have passed. */
  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** Once only. */
  result(): { readonly bytes: number; readonly sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  /** Reads to the end and keeps nothing. */
  static async ofAll(source: AsyncIterable<Uint8Array>): Promise<ReturnType<Digest['result']>> {
    const digest = new Digest();
    for await (const _ of digest.of(source));
    return digest.result();
  }
}
