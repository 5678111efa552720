/**
 * `CREATE FUNCTION ... BEGIN ATOMIC ...; ...; END` holds semicolons that end no statement. Only a routine's body counts,
 * and CASE ... END nests inside it (PostgreSQL docs, CREATE FUNCTION, sql_body). Behind AS or a dot any word is a name.
 */
export class RoutineBody {
  watching = false;
  depth = 0;
  #seen = 0;
  #routine = false;
  #previous = '';

  watch(): void {
    this.watching = true;
  }

  /** @param behindDot the token before it was a dot */
  word(word: string, behindDot: boolean): void {
    const previous = this.#previous;
    this.#previous = word;
    if (!this.#routine) {
      this.#seen++;
      if (word === 'function' || word === 'procedure') this.#routine = true;
      // CREATE [OR REPLACE] {FUNCTION|PROCEDURE}: after three words it is something else.
      else if (this.#seen >= 3) this.watching = false;
      return;
    }
    if (behindDot || previous === 'as') return;
    if (this.depth === 0) {
      if (word === 'atomic' && previous === 'begin') this.depth = 1;
    } else if (word === 'case') this.depth++;
    else if (word === 'end') this.depth--;
  }
}
