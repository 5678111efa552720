import { inspect } from 'node:util';

const SHOWN = '[secret]';

/**
 * A value that no log, report, stack trace or `JSON.stringify` shows: only `reveal()` gives it, so that a search for
 * `reveal(` finds every place where a password leaves the program.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
