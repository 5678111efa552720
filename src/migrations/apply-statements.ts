import { createHash } from 'node:crypto';
import { AishaError } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { tokenChecksum } from './checksum.ts';
import { migrationError, placeOf } from './failure.ts';
import { before, cleanUp, settle } from './interrupted.ts';
import { forgetSql, type InHand, type LedgerEntry, type LedgerRow, upsertSql } from './ledger.ts';
import type { Mode, Unit } from './mode.ts';
import {
  BACK_TO_ONESELF,
  cancellable,
  freshSession,
  type Job,
  ledgerEntry,
  type Running,
  withRetries,
} from './runner.ts';
import { timeoutsOf } from './timeouts.ts';

/**
 * Applies a file that cannot be one transaction: unit by unit, each recorded in the ledger together with its effect, or
 * before and behind it where the server refuses a transaction. After a kill at any point the next run finds out what the
 * unit in hand came to, heals an index left invalid, and goes on.
 * @throws AishaError (rolledBack when nothing ran, partial, lock, interrupted)
 */
export async function applyStatements(
  running: Running,
  job: Job,
  mode: Extract<Mode, { kind: 'statements' }>,
  row: LedgerRow | undefined,
): Promise<void> {
  const run = new StatementRun(running, job, mode.units, row);
  await run.start();
  while (run.next < mode.units.length) await run.step();
  await run.finish();
}

class StatementRun {
  readonly #running: Running;
  readonly #job: Job;
  readonly #units: readonly Unit[];
  readonly #row: LedgerRow | undefined;
  readonly #started = Date.now();
  /** SET ROLE and SET SESSION AUTHORIZATION of the file, to be taken back while the ledger is written. */
  #roles: string[] = [];
  #hash = '';
  next = 0;

  constructor(running: Running, job: Job, units: readonly Unit[], row: LedgerRow | undefined) {
    this.#running = running;
    this.#job = job;
    this.#units = units;
    this.#row = row?.state === 'interrupted' ? row : undefined;
  }

  async start(): Promise<void> {
    await this.#must([freshSession(this.#running, timeoutsOf(this.#job.script.header)).join(';')]);
    if (!this.#row) return;
    this.next = this.#row.statementsDone;
    this.#checkAppliedPart(this.#row);
    await this.#repeatSettings();
    const { inHand } = this.#row;
    if (!inHand) return;
    const unit = this.#units[inHand.unit];
    const verdict = unit ? await settle(this.#running, unit, inHand) : 'not-done';
    if (verdict === 'unknown') throw this.#undecidable(inHand.unit);
    this.#running.tell(
      `${this.#file}: statement ${inHand.unit + 1} was interrupted; it ${verdict === 'done' ? 'had taken effect' : 'is run again'}`,
    );
    if (verdict === 'done') await this.#record(inHand.unit + 1, undefined);
  }

  /** Runs the next unit; on return it has taken effect and is recorded. */
  async step(): Promise<void> {
    const unit = this.#units[this.next]!;
    const alone = unit.kind === 'alone' || unit.kind === 'self-committing';
    const inHand = alone ? { unit: this.next, indexes: await before(this.#running, unit) } : undefined;
    if (inHand) await this.#record(this.next, inHand);
    const { error, blockers } = await withRetries(this.#running, this.#file, () =>
      cancellable(this.#running, async () => {
        const failure = alone ? await this.#runAlone(unit, inHand!) : await this.#runRecorded(unit);
        return { error: failure, result: undefined };
      }),
    ).catch((stopped: unknown) => ({ error: stopped as Error, blockers: [] as readonly string[] }));
    if (error) throw await this.#failed(unit, error, blockers);
    this.#remember(unit);
    if (alone) await this.#record(this.next + 1, undefined);
    else this.#advance();
    this.#running.tell(`${this.#file}: ${this.next} of ${this.#units.length} statements`);
  }

  async finish(): Promise<void> {
    const entry = {
      ...this.#entry(this.#units.length, undefined),
      state: 'applied' as const,
      executionTime: String(Date.now() - this.#started),
    };
    await this.#must([
      `begin;${BACK_TO_ONESELF.join(';')};${upsertSql(this.#running.ledger, entry, this.#running.lock.fence)};commit`,
    ]);
  }

  /** A statement or a block: its effect and the progress commit together. */
  async #runRecorded(unit: Unit): Promise<Error | undefined> {
    const { sql } = this.#job.script.expanded;
    const roles = [...this.#roles, ...this.#roleOf(unit)];
    const progress = [
      ...(roles.length > 0 ? ['reset session authorization', 'reset role'] : []),
      upsertSql(
        this.#running.ledger,
        this.#entry(this.next + 1, undefined, this.#hashWith(unit)),
        this.#running.lock.fence,
      ),
    ].join(';');
    const close = unit.close;
    const chunks: (Uint8Array | string)[] =
      unit.kind === 'block' && close
        ? unit.commits
          ? [sql.subarray(unit.start, close.start), `\n;${progress};commit`]
          : [sql.subarray(unit.start, close.end), `\n;begin;${progress};commit`]
        : ['begin;', sql.subarray(unit.start, unit.end), `\n;${progress};commit`];
    const { error } = await this.#running.work.script([...chunks, ...roles.map((role) => `;${role}`)]);
    if (error && this.#running.work.inTransaction) await this.#running.work.script(['rollback']);
    return error;
  }

  /** A statement the server refuses in a transaction: it is in hand, so that what it leaves can be told apart. */
  async #runAlone(unit: Unit, inHand: InHand): Promise<Error | undefined> {
    const { sql } = this.#job.script.expanded;
    const { error } = await this.#running.work.script([sql.subarray(unit.start, unit.end)]);
    if (!error) return (await settle(this.#running, unit, inHand, true)) === 'done' ? undefined : notInEffect(unit);
    await cleanUp(this.#running, unit, inHand).catch(() => {});
    return error;
  }

  #entry(done: number, inHand: InHand | undefined, hash = this.#hash, error?: string): LedgerEntry {
    return {
      ...ledgerEntry(this.#running, this.#job),
      state: 'interrupted',
      executionTime: String(Date.now() - this.#started),
      statementsDone: done,
      statementsTotal: this.#units.length,
      progressHash: hash,
      inHand,
      error,
    };
  }

  /** Writes the progress on its own; `done` units have run. */
  async #record(done: number, inHand: InHand | undefined): Promise<void> {
    if (done > this.next) this.#advance();
    const roles = this.#roles.map((role) => `;${role}`).join('');
    const entry = this.#entry(this.next, inHand);
    const own = this.#roles.length > 0 ? 'reset session authorization;reset role;' : '';
    await this.#must([
      `begin;${own}${upsertSql(this.#running.ledger, entry, this.#running.lock.fence)};commit${roles}`,
    ]);
  }

  #advance(): void {
    this.#hash = this.#hashWith(this.#units[this.next]!);
    this.next++;
  }

  #hashWith(unit: Unit): string {
    const text = this.#job.script.expanded.sql.subarray(unit.start, unit.end);
    return createHash('sha256').update(this.#hash).update(tokenChecksum(text)).digest('hex');
  }

  /** What ran must still be what the file begins with; the rest may have been mended. */
  #checkAppliedPart(row: LedgerRow): void {
    for (const unit of this.#units.slice(0, row.statementsDone)) this.#hash = this.#hashWith(unit);
    if (
      this.#units.length >= row.statementsDone &&
      (row.progressHash === '*' || this.#hash === (row.progressHash ?? ''))
    )
      return;
    throw new AishaError(
      'changed',
      `${this.#file}: its first ${row.statementsDone} statements ran and have been changed since`,
      {
        hint: 'Restore them; only statements behind the last one that ran may be mended.',
      },
    );
  }

  /** SET and RESET of the part that ran: they belong to the session, and the session is a new one. */
  async #repeatSettings(): Promise<void> {
    for (const unit of this.#units.slice(0, this.next)) {
      if (!changesSession(unit)) continue;
      await this.#must([this.#job.script.expanded.sql.subarray(unit.start, unit.end)]);
      this.#remember(unit);
    }
  }

  #remember(unit: Unit): void {
    this.#roles.push(...this.#roleOf(unit));
  }

  #roleOf(unit: Unit): string[] {
    const [first, second, third] = unit.words ?? [];
    const changesRole =
      (first === 'set' || first === 'reset') &&
      (second === 'role' || (second === 'session' && third === 'authorization'));
    const { sql } = this.#job.script.expanded;
    return changesRole ? [Buffer.from(sql.subarray(unit.start, unit.end)).toString('utf8')] : [];
  }

  async #failed(unit: Unit, error: Error, blockers: readonly string[]): Promise<AishaError> {
    const untouched = this.next === 0 && !this.#row;
    if (untouched) await this.#forget().catch(() => {});
    else
      await this.#must([
        `begin;${BACK_TO_ONESELF.join(';')};${upsertSql(this.#running.ledger, this.#entry(this.next, undefined, this.#hash, error.message), this.#running.lock.fence)};commit`,
      ]).catch(() => {});
    if (this.#running.signal.aborted || (error instanceof AishaError && error.kind === 'interrupted')) {
      const message = `interrupted in ${this.#file} after ${this.next} of ${this.#units.length} statements`;
      return new AishaError('interrupted', message, {
        hint: 'What ran is recorded; run again to resume.',
        cause: error,
      });
    }
    if (error instanceof AishaError) return error;
    const code = serverError(error)?.code;
    const kind = untouched ? (code === SQLSTATE.lockNotAvailable ? 'lock' : 'rolledBack') : 'partial';
    const position =
      unit.kind === 'statement' ? shift(serverError(error)?.position, 'begin;'.length) : serverError(error)?.position;
    const place = placeOf(this.#job.script.expanded, { from: unit.start, to: unit.end, index: 0 }, position);
    const failed = migrationError(kind, this.#file, error, place);
    const progress = `${this.next} of ${this.#units.length} statements ran and are recorded`;
    return new AishaError(kind, failed.message, {
      details: [...failed.details, ...(untouched ? [] : [progress]), ...blockers.map((line) => `waited for ${line}`)],
      ...(failed.hint === undefined ? {} : { hint: failed.hint }),
      ...(code === undefined ? {} : { sqlState: code }),
      cause: error,
    });
  }

  /** Nothing of the file ran: no trace of it is left. */
  async #forget(): Promise<void> {
    await this.#must([`${BACK_TO_ONESELF.join(';')};${forgetSql(this.#running.ledger, this.#file)}`]);
  }

  #undecidable(index: number): AishaError {
    return new AishaError(
      'partial',
      `${this.#file}: statement ${index + 1} was interrupted, and it commits in its own body`,
      {
        hint: `Look at what it did, then decide: aisha-db repair ${this.#file} --statement done, or --statement again.`,
      },
    );
  }

  async #must(chunks: readonly (Uint8Array | string)[]): Promise<void> {
    const { error } = await this.#running.work.script(chunks);
    if (!error) return;
    if (this.#running.work.inTransaction) await this.#running.work.script(['rollback']);
    throw migrationError('partial', this.#file, error, undefined);
  }

  get #file(): string {
    return this.#job.entry.file;
  }
}

function shift(position: number | undefined, by: number): number | undefined {
  return position === undefined ? undefined : position - by;
}

/** SET and RESET for the session; SET LOCAL and SET CONSTRAINTS end with their transaction. */
function changesSession(unit: Unit): boolean {
  const [first, second] = unit.words ?? [];
  return (
    first === 'reset' || (first === 'set' && second !== 'local' && second !== 'constraints' && second !== 'transaction')
  );
}

function notInEffect(unit: Unit): Error {
  const what =
    unit.alone?.type === 'create-index' ? 'the index it should have built is invalid' : 'it has not taken effect';
  return Object.assign(new Error(what), { severity: 'ERROR', code: 'XX000' });
}
