import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gate, LaterFile } from '../migrations/gate.ts';
import { type MigrationSource, openSession, type RunHooks } from '../migrations/open.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { Finding } from '../report/report.ts';

/** What opens the gate of `migrate`; nothing where it is off. */
export type OpenGate = () => Promise<Gate | undefined>;

/**
 * The gate of `migrate` in a rehearsal: in production one run applies all files, here each is a run of its own. Each is
 * judged by a gate of its own; what the run as a whole leaves open is asked behind the last.
 */
export class RunGate {
  readonly #open: OpenGate;
  readonly #whole: Gate | undefined;
  readonly #sessions: readonly Session[];

  private constructor(open: OpenGate, whole: Gate | undefined, sessions: readonly Session[]) {
    this.#open = open;
    this.#whole = whole;
    this.#sessions = sessions;
  }

  /** Takes note of what is there before the first file. */
  static async begin(open: OpenGate, copy: Target, hooks: RunHooks): Promise<RunGate> {
    const whole = await open();
    if (whole === undefined) return new RunGate(open, undefined, []);
    const work = await openSession(copy, 'aisha-db rehearse', {}, hooks);
    const committed = await openSession(copy, 'aisha-db rehearse', {}, hooks);
    await whole.begin(work, committed);
    return new RunGate(open, whole, [work, committed]);
  }

  get isOn(): boolean {
    return this.#whole !== undefined;
  }

  /** The gate for one file: a table that it leaves open may be secured by a later one. */
  async ofFile(): Promise<Gate | undefined> {
    const gate = await this.#open();
    return gate && Object.assign(gate, { end: () => Promise.resolve(undefined) });
  }

  /** What the run leaves open. */
  async end(source: MigrationSource, ran: readonly string[]): Promise<readonly Finding[]> {
    const [work] = this.#sessions;
    if (this.#whole === undefined || work === undefined) return [];
    const read = (file: string): LaterFile => ({ file, text: () => readFileSync(join(source.dir, file), 'utf8') });
    await this.#whole.end(work, ran.map(read), []);
    return this.#whole.findings;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session.close();
  }
}
