import { copyColumns } from './side-table.ts';

/** The end of the rows, on a line of its own: no value can look so, since its backslash would be doubled. */
const END = Buffer.from('\n\\.\n');

/** The rows of one table out of the script that pg_restore writes for them: nothing else of it is looked at. */
export class CopyScript {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  constructor(script: AsyncIterable<Buffer>) {
    this.#chunks = script[Symbol.asyncIterator]();
  }

  /** Goes to where the rows begin and gives their columns; `undefined` when there are no rows. */
  async columns(): Promise<readonly string[] | undefined> {
    for (;;) {
      const end = this.#held.indexOf(0x0a);
      if (end === -1) {
        if (!(await this.#more())) return undefined;
        continue;
      }
      const columns = copyColumns(this.#held.subarray(0, end).toString('utf8'));
      this.#held = this.#held.subarray(end + 1);
      if (columns !== undefined) return columns;
    }
  }

  /** The rows as COPY takes them; only after `columns`. Reads the script to its end. */
  async *rows(): AsyncGenerator<Buffer> {
    // The end may follow at once: it is looked for behind a line break.
    this.#held = Buffer.concat([Buffer.from('\n'), this.#held]);
    for (let skip = 1; ; ) {
      const end = this.#held.indexOf(END);
      if (end !== -1) {
        if (end + 1 > skip) yield this.#held.subarray(skip, end + 1);
        break;
      }
      const sure = this.#held.length - END.length + 1;
      if (sure > skip) {
        yield this.#held.subarray(skip, sure);
        this.#held = this.#held.subarray(sure);
        skip = 0;
      }
      if (!(await this.#more())) throw new Error('the rows have no end');
    }
    this.#held = Buffer.alloc(0);
    while (!(await this.#chunks.next()).done);
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
    return true;
  }
}
