/**
 * `CREATE FUNCTION ... BEGIN ATOMIC ...; ...; END` holds semicolons that end no statement. Only a routine's body counts,
 * and CASE ... END nests inside it (PostgreSQL docs, CREATE FUNCTION, sql_body).
 */
export class RoutineBody {
  watching = false;
  depth = 0;
  #seen = 0;
  #routine = false;
  #lastWasBegin = false;

  watch(): void {
    this.watching = true;
  }

  word(word: string): void {
    if (!this.#routine) {
      this.#seen++;
      if (word === 'function' || word === 'procedure') this.#routine = true;
      // CREATE [OR REPLACE] {FUNCTION|PROCEDURE}: after three words it is something else.
      else if (this.#seen >= 3) this.watching = false;
      return;
    }
    if (this.depth === 0) {
      if (word === 'atomic' && this.#lastWasBegin) this.depth = 1;
      this.#lastWasBegin = word === 'begin';
    } else if (word === 'case') this.depth++;
    else if (word === 'end') this.depth--;
  }
}
