import { inTurn } from './in-turn.ts';
import { NestedSession } from './nested-session.ts';
import { executing, type Preparable, preparing, type Session } from './session.ts';

/**
 * A session in which each question is parsed and planned once, however often it is asked: for questions about the catalog,
 * whose planning takes many times what their answers take. What begins or ends something is said as it is.
 */
export class PlannedSession extends NestedSession {
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  #count = 0;

  /** @param prefix makes the names of its prepared statements its own */
  constructor(session: Session, prefix: string) {
    super(session);
    this.#prefix = prefix;
  }

  /** To be said when the session's prepared statements were dropped. A name is never used again: pg remembers it. */
  forget(): void {
    this.#names.clear();
  }

  override executing(statement: Preparable, values: readonly string[]): readonly string[] {
    const known = this.#names.get(statement.sql);
    const name = known ?? `${this.#prefix}${++this.#count}`;
    this.#names.set(statement.sql, name);
    return [...(known === undefined ? [preparing(name, statement)] : []), executing(name, values)];
  }

  override async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (!/^\s*(select|with)\b[^;]*$/.test(text)) return super.query(text, values);
    const name = this.#names.get(text) ?? `${this.#prefix}${++this.#count}`;
    const { rows } = await inTurn(this.client, () => this.client.query({ name, text, values: values as unknown[] }));
    this.#names.set(text, name);
    return rows as Row[];
  }
}
