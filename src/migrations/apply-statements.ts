import { createHash } from 'node:crypto';
import { AishaError, type ErrorKind } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { tokenChecksum } from './checksum.ts';
import { migrationError, placeOfFailure } from './failure.ts';
import { before, cleanUp, leavesSomething, settle, type Verdict } from './interrupted.ts';
import { forgetSql, type InHand, type LedgerEntry, type LedgerRow, upsertSql } from './ledger.ts';
import type { Mode, Unit } from './mode.ts';
import type { Place } from './psql.ts';
import {
  BACK_TO_ONESELF,
  cancellable,
  freshSession,
  type Job,
  ledgerEntry,
  ONESELF_FOR_NOW,
  type Running,
  withRetries,
} from './runner.ts';
import { latin } from './scanner.ts';
import { type Statement, StatementReader } from './statements.ts';
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

/** Why a unit has not taken effect. */
interface Failure {
  readonly error: Error;
  readonly place: Place | undefined;
  readonly blockers: readonly string[];
  /** Set for a unit that ran outside of a transaction. */
  readonly inHand?: InHand | undefined;
}

interface Outcome {
  readonly error: Error | undefined;
  readonly result: Place | undefined;
}

class StatementRun {
  readonly #running: Running;
  readonly #job: Job;
  readonly #units: readonly Unit[];
  readonly #row: LedgerRow | undefined;
  readonly #started = Date.now();
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
    if (this.#row.inHand) await this.#settleInHand(this.#row.inHand);
  }

  /** Runs the next unit; on return it has taken effect and is recorded. */
  async step(): Promise<void> {
    const unit = this.#units[this.next]!;
    let failure = runsAlone(unit) ? await this.#alone(unit) : await this.#recorded(unit);
    if (failure && unit.kind === 'statement' && refusesTransaction(failure.error))
      failure = await this.#alone(hiddenAlone(unit));
    if (failure) throw await this.#failed(unit, failure);
    this.#running.tell(`${this.#file}: ${this.next} of ${this.#units.length} statements`);
  }

  async finish(): Promise<void> {
    const entry = {
      ...this.#entry(this.#units.length, undefined),
      state: 'applied' as const,
      executionTime: String(Date.now() - this.#started),
    };
    await this.#must([`begin;${BACK_TO_ONESELF.join(';')};${this.#write(entry)};commit`]);
  }

  /** What the unit that was in hand when the run before ended has come to; it is healed where that is needed. */
  async #settleInHand(inHand: InHand): Promise<void> {
    const verdict = await this.#verdictOn(inHand);
    if (verdict === 'unknown') throw this.#undecidable(inHand.unit);
    this.#running.tell(
      `${this.#file}: statement ${inHand.unit + 1} was interrupted; it ${verdict === 'done' ? 'had taken effect' : 'is run again'}`,
    );
    if (verdict === 'done') await this.#record(inHand.unit + 1, undefined);
  }

  async #verdictOn(inHand: InHand): Promise<Verdict> {
    const planned = this.#units[inHand.unit];
    if (inHand.hash !== undefined && (!planned || this.#hashWith(planned) !== inHand.hash)) {
      throw new AishaError(
        'changed',
        `${this.#file}: statement ${inHand.unit + 1} was interrupted and has been changed since`,
        {
          hint: `Restore it and run again, so that what it left is found; or see to that by hand, then: aisha-db repair ${this.#file} --statement again.`,
        },
      );
    }
    if (!planned) return 'not-done';
    const unit = runsAlone(planned) ? planned : hiddenAlone(planned);
    const found: { verdict: Verdict } = { verdict: 'not-done' };
    const outcome = await this.#patiently(async () => {
      found.verdict = await settle(this.#running, unit, inHand);
      return { error: undefined, result: undefined };
    });
    if (outcome.error) throw this.#explain('partial', { ...outcome, error: outcome.error, place: undefined });
    return found.verdict;
  }

  /** A statement or a block: its effect and the progress commit together. */
  async #recorded(unit: Unit): Promise<Failure | undefined> {
    const { error, result: place, blockers } = await this.#patiently(() => this.#runRecorded(unit));
    if (error) return { error, place, blockers };
    this.#advance();
    return undefined;
  }

  async #runRecorded(unit: Unit): Promise<Outcome> {
    const { sql } = this.#job.script.expanded;
    const entry = this.#entry(this.next + 1, undefined, this.#hashWith(unit));
    const progress = [...ONESELF_FOR_NOW, this.#write(entry)].join(';');
    const { close } = unit;
    const opening = close ? '' : 'begin;';
    const end = close && unit.commits ? close.start : unit.end;
    const { completed, error } = await this.#running.work.script([
      opening,
      sql.subarray(unit.start, end),
      close && !unit.commits ? `\n;begin;${progress};commit` : `\n;${progress};commit`,
    ]);
    if (!error) return { error, result: undefined };
    await this.#running.work.undo();
    const stretch = { from: unit.start, to: end };
    return {
      error,
      result: placeOfFailure(this.#job.script.expanded, stretch, error, opening, completed - (close ? 0 : 1)),
    };
  }

  /** A statement the server refuses in a transaction: it is in hand, so that what it leaves can be told apart. */
  async #alone(unit: Unit): Promise<Failure | undefined> {
    let inHand: InHand | undefined;
    // What commits in its own body may have done half of its work: it is not run again unasked.
    const retries = asks(unit) ? 0 : undefined;
    const outcome = await this.#patiently(async () => {
      if (inHand) {
        if ((await settle(this.#running, unit, inHand)) === 'done') return { error: undefined, result: undefined };
      } else {
        const indexes = await before(this.#running, unit);
        inHand = { unit: this.next, indexes, hash: this.#hashWith(this.#units[this.next]!) };
        await this.#record(this.next, inHand);
      }
      return this.#runAlone(unit, inHand);
    }, retries);
    const { error, result: place, blockers } = outcome;
    if (error) return { error, place, blockers, inHand };
    await this.#record(this.next + 1, undefined);
    return undefined;
  }

  async #runAlone(unit: Unit, inHand: InHand): Promise<Outcome> {
    const { expanded } = this.#job.script;
    const { error } = await this.#running.work.script([expanded.sql.subarray(unit.start, unit.end)]);
    if (!error) {
      const isDone = (await settle(this.#running, unit, inHand, true)) === 'done';
      return { error: isDone ? undefined : notInEffect(unit), result: expanded.locate(unit.start) };
    }
    await cleanUp(this.#running, unit, inHand).catch(() => {});
    return { error, result: placeOfFailure(expanded, { from: unit.start, to: unit.end }, error, '', 0) };
  }

  /** Tries again while a lock is not to be had; stops when the run is told to. Never throws. */
  async #patiently(work: () => Promise<Outcome>, retries?: number): Promise<Outcome & { blockers: readonly string[] }> {
    const caught = (thrown: unknown): Outcome => ({ error: thrown as Error, result: undefined });
    const attempt = () => cancellable(this.#running, () => work().catch(caught));
    return withRetries(this.#running, this.#file, attempt, retries).catch((stopped) => ({
      ...caught(stopped),
      blockers: [],
    }));
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
    await this.#must([`begin;${[...ONESELF_FOR_NOW, this.#write(this.#entry(this.next, inHand))].join(';')};commit`]);
  }

  #write(entry: LedgerEntry): string {
    return upsertSql(this.#running.ledger, entry, this.#running.lock.fence);
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
    const { sql } = this.#job.script.expanded;
    for (const unit of this.#units.slice(0, this.next)) {
      if (unit.close && !unit.commits) continue;
      const reader = new StatementReader(sql, unit.start, unit.end);
      for (let s = reader.next(); s !== undefined; s = reader.next()) {
        const text = sql.subarray(s.start, s.end);
        if (changesSession(s, text)) await this.#must([text]);
      }
    }
  }

  async #failed(unit: Unit, failure: Failure): Promise<AishaError> {
    const { error, inHand } = failure;
    const left = inHand !== undefined && (await leavesSomething(this.#running, unit, inHand).catch(() => true));
    const untouched = this.next === 0 && !left && (await this.#forget());
    if (!untouched) {
      const entry = this.#entry(this.next, left ? inHand : undefined, this.#hash, error.message);
      await this.#must([`begin;${BACK_TO_ONESELF.join(';')};${this.#write(entry)};commit`]).catch(() => {});
    }
    if (this.#running.signal.aborted || (error instanceof AishaError && error.kind === 'interrupted')) {
      const message = untouched
        ? `interrupted in ${this.#file}; the database is as it was before it`
        : `interrupted in ${this.#file} after ${this.next} of ${this.#units.length} statements`;
      return new AishaError('interrupted', message, {
        hint: untouched
          ? 'Run again.'
          : `What ran is recorded. ${left ? this.#whatIsLeft(unit) : 'Run again to resume.'}`,
        cause: error,
      });
    }
    if (error instanceof AishaError) return error;
    const kind = untouched
      ? serverError(error)?.code === SQLSTATE.lockNotAvailable
        ? 'lock'
        : 'rolledBack'
      : 'partial';
    return this.#explain(kind, failure, left ? this.#whatIsLeft(unit) : undefined);
  }

  #explain(kind: ErrorKind, { error, place, blockers }: Failure, whatToDo?: string): AishaError {
    if (error instanceof AishaError) return error;
    const failed = migrationError(kind, this.#file, error, place);
    const progress = `${this.next} of ${this.#units.length} statements ran and are recorded`;
    const hint = whatToDo ?? failed.hint;
    const { sqlState } = failed;
    return new AishaError(kind, failed.message, {
      details: [
        ...failed.details,
        ...(kind === 'partial' ? [progress] : []),
        ...blockers.map((line) => `waited for ${line}`),
      ],
      ...(hint === undefined ? {} : { hint }),
      ...(sqlState === undefined ? {} : { sqlState }),
      cause: error,
    });
  }

  /** What a statement left that could not be taken back. */
  #whatIsLeft(unit: Unit): string {
    if (unit.kind === 'self-committing' && !asks(unit)) return 'Run again: it goes on where it ended.';
    return runsAlone(unit) && !asks(unit)
      ? 'Run again: the next run removes or finishes what the statement has left, and goes on.'
      : `Part of the statement may have been committed; look, then decide: aisha-db repair ${this.#file} --statement done, or --statement again.`;
  }

  /** Nothing of the file ran: no trace of it is left. False when that could not be seen to. */
  async #forget(): Promise<boolean> {
    const forget = forgetSql(this.#running.ledger, this.#file);
    return this.#must([`begin;${BACK_TO_ONESELF.join(';')};${forget};commit`]).then(
      () => true,
      () => false,
    );
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
    await this.#running.work.undo();
    throw migrationError('partial', this.#file, error, undefined);
  }

  get #file(): string {
    return this.#job.entry.file;
  }
}

function runsAlone(unit: Unit): boolean {
  return unit.kind === 'alone' || unit.kind === 'self-committing';
}

/** What it has committed, only somebody can tell who looks. */
function asks(unit: Unit): boolean {
  return unit.kind === 'self-committing' && unit.alone === undefined;
}

/** The server refuses the statement in a transaction, and its words did not tell: nothing of it has happened. */
function refusesTransaction(error: Error): boolean {
  const code = serverError(error)?.code;
  return code === SQLSTATE.activeTransaction || code === SQLSTATE.invalidTermination;
}

/** REINDEX of a partitioned table can be repeated; what a procedure or a block has committed cannot be known. */
function hiddenAlone(unit: Unit): Unit {
  return unit.words?.[0] === 'reindex'
    ? { ...unit, kind: 'alone', alone: { type: 'repeatable' } }
    : { ...unit, kind: 'self-committing' };
}

/** SET and RESET for the session, and set_config; SET LOCAL and SET CONSTRAINTS end with their transaction. */
function changesSession({ words: [first, second] }: Statement, text: Uint8Array): boolean {
  if (first === 'reset') return true;
  if (first === 'set') return second !== 'local' && second !== 'constraints' && second !== 'transaction';
  return (
    first === undefined &&
    /^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(/i.test(latin(text, 0, Math.min(80, text.length)))
  );
}

function notInEffect(unit: Unit): Error {
  const what =
    unit.alone?.type === 'create-index' ? 'the index it should have built is invalid' : 'it has not taken effect';
  return Object.assign(new Error(what), { severity: 'ERROR', code: 'XX000' });
}
