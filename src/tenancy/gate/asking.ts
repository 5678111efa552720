import type { Preparable, Session } from '../../postgres/session.ts';
import type { Remembered } from '../catalog/some-tables.ts';
import type { Untouched } from '../read-classes.ts';
import type { TenancySettings } from '../settings.ts';
import { answerKey } from './compare.ts';
import type { Call } from './guard.ts';
import type { TableAnswer } from './leaks.ts';
import { type GateState, NO_WAYS, type SecuredTable, type Watched } from './state.ts';
import type { Told } from './telling.ts';

type Answers = ReadonlyMap<number, TableAnswer>;

/** What is asked while it is found out whether it has to be. */
export interface Ahead {
  readonly answers: Promise<Answers>;
  /** What a session that does not see the file has to be asked: whether anybody else changed what answers stand on. */
  readonly around: Preparable | undefined;
}

/** Roles, schemas and what the API serves: answers are about those that there were. */
const SURROUNDINGS: readonly Watched[] = ['pg_namespace', 'pg_authid', 'pg_auth_members', 'pg_db_role_setting'];

/** Few runs change a policy: what asks them is not loaded for the others. */
export const loadAsking = () =>
  Promise.all([import('../read-facts.ts'), import('./answer.ts'), import('../catalog/some-tables.ts')]);

/** Asks policies what they open, and remembers what they said: files that change one table after the other say it again. */
export class Asking {
  readonly #tenancy: TenancySettings;
  readonly #untouched: Untouched;
  readonly #surroundings: Remembered = {};
  #around: Preparable | undefined;
  /** By the key of what policies say. */
  readonly #answers = new Map<string, TableAnswer>();
  #last: 'nothing' | 'known' | 'unknown' = 'nothing';

  constructor(tenancy: TenancySettings, untouched: Untouched) {
    this.#tenancy = tenancy;
    this.#untouched = untouched;
  }

  /** The file looked at last had to be asked what was not known, and so, most likely, will the next. */
  get expectsQuestions(): boolean {
    return this.#last === 'unknown';
  }

  /**
   * Asks what was told of, in parallel to what finds out whether it is to be asked. Nothing else may be said in the
   * session until it has answered.
   */
  askAhead(session: Session, { isolation, some }: Told, { touched }: Call): Ahead | undefined {
    if (this.#last === 'nothing') return undefined;
    const state = { ...isolation, ...NO_WAYS };
    const unknown = isolation.tables.filter((table) => table.isSecured && !this.#knows(answerKey(table, state)));
    const isLeft = !SURROUNDINGS.some((catalog) => touched.has(catalog));
    const answers = some === null || !isLeft ? Promise.resolve(new Map()) : this.ask(session, unknown, some);
    // Whoever waits for them hears of a failure; nobody does once something else has failed.
    answers.catch(() => undefined);
    return { answers, around: isLeft ? this.#around : undefined };
  }

  /** Asks only what was not asked in this run. */
  async askOnce(
    session: Session,
    tables: readonly SecuredTable[],
    state: GateState,
    ahead: (Omit<Ahead, 'around'> & { readonly around: string | undefined }) | undefined,
  ): Promise<Answers> {
    const answered = await ahead?.answers;
    const isKnown = ahead?.around !== undefined && ahead.around === this.#surroundings.fingerprint;
    const keyed = tables.map((table) => ({ oid: table.oid, table, key: answerKey(table, state) }));
    if (keyed.some(({ key }) => this.#knows(key)) && !isKnown && !(await this.#areSurroundingsKnown(session)))
      this.#answers.clear();
    const known = keyed.flatMap(({ oid, key }) => (this.#knows(key) ? [[oid, this.#answers.get(key!)!] as const] : []));
    const unknown = keyed.filter(({ key }) => !this.#knows(key));
    const hasAnswered = ({ oid }: { readonly oid: number }) => isKnown && answered?.has(oid) === true;
    const rest = unknown.filter((one) => !hasAnswered(one)).map(({ table }) => table);
    const asked = await this.ask(session, rest);
    const fresh = unknown.map((one) => ({ ...one, answer: (hasAnswered(one) ? answered! : asked).get(one.oid) }));
    for (const { key, answer } of fresh) if (key !== undefined && answer?.isLasting) this.#answers.set(key, answer);
    this.#last = unknown.length > 0 ? 'unknown' : known.length > 0 ? 'known' : 'nothing';
    return new Map([...known, ...fresh.flatMap(({ oid, answer }) => (answer ? [[oid, answer] as const] : []))]);
  }

  /** @param some what was told of them, if it was */
  async ask(session: Session, tables: readonly SecuredTable[], some?: Told['some']): Promise<Answers> {
    if (tables.length === 0) return new Map();
    const [{ readFactsOf }, { answerOf }, { FINGERPRINT }] = await loadAsking();
    const wanted = new Set(tables.map(({ oid }) => oid));
    const before = this.#surroundings.fingerprint;
    this.#around = FINGERPRINT;
    const facts = await readFactsOf(session, this.#tenancy, {
      tables: wanted,
      remembered: this.#surroundings,
      untouched: this.#untouched,
      told: some ?? undefined,
    });
    if (this.#surroundings.fingerprint !== before) this.#answers.clear();
    return new Map(
      [...facts.tables.values()].flatMap((table) =>
        wanted.has(table.oid) ? [[table.oid, answerOf(facts, table)] as const] : [],
      ),
    );
  }

  #knows(key: string | undefined): boolean {
    return key !== undefined && this.#answers.has(key);
  }

  /** Whoever may have changed them, and however. */
  async #areSurroundingsKnown(session: Session): Promise<boolean> {
    const { isAsRemembered } = await import('../catalog/some-tables.ts');
    return isAsRemembered(session, this.#surroundings);
  }
}
