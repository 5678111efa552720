import { Session } from './session.ts';

/**
 * A session inside the transaction that another one holds open: a read-only transaction that is begun here is a
 * savepoint there, and ends with all that it set and locked. For questions in the middle of somebody else's work.
 */
export class NestedSession extends Session {
  #isOpen = false;

  constructor({ client, target }: Session) {
    super(client, target);
  }

  override async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const begins = /^\s*begin transaction[^;]*(;|$)/.exec(text);
    if (begins) {
      this.#isOpen = true;
      // Never the isolation level: that of a transaction in progress is settled.
      return super.query(`${BEGIN}; ${text.slice(begins[0].length)}`, values);
    }
    if (text !== 'rollback') return super.query(text, values);
    await this.undo();
    return [];
  }

  protected override readonly opening = BEGIN;
  protected override readonly closing = END;

  override async readOnly(statements: readonly string[]): ReturnType<Session['readOnly']> {
    this.#isOpen = true;
    const outcome = await super.readOnly(statements);
    this.#isOpen = false;
    return outcome;
  }

  override async undo(): Promise<void> {
    if (this.#isOpen) await this.script([END]);
    this.#isOpen = false;
  }
}

const BEGIN = 'savepoint aisha_db_nested; set local transaction_read_only = on';
const END = 'rollback to savepoint aisha_db_nested; release savepoint aisha_db_nested';
