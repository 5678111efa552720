import { AishaError } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { ScriptOutcome } from '../postgres/session.ts';
import { type Attempt, attemptAdditions, isUnderWay, settleAdditions } from './apply-additions.ts';
import { LockLost, migrationError, placeOfFailure } from './failure.ts';
import type { Gate, GateCall } from './gate.ts';
import { isLost } from './lost.ts';
import type { Mode } from './mode.ts';
import { prepareSession } from './prepare-session.ts';
import { recording } from './recording.ts';
import {
  BACK_TO_ONESELF,
  cancellable,
  freshSession,
  type Job,
  OWN_ROLE,
  OWN_SETTINGS,
  type Running,
  withRetries,
} from './runner.ts';
import { stretches } from './script.ts';
import { timeoutsOf } from './timeouts.ts';

/** Part of a file that is sent as one message, with the data of the COPY statements in it. */
interface Batch {
  readonly from: number;
  readonly to: number;
  readonly copies: readonly Uint8Array[];
}

/**
 * Applies a file and writes its ledger row in one transaction; a file of ordinary size takes one round trip. Afterwards
 * either both are there or neither is.
 * @throws AishaError (rolledBack, lock, rlsGate, interrupted)
 */
export async function applyInTransaction(
  running: Running,
  job: Job,
  mode: Extract<Mode, { kind: 'transaction' }>,
): Promise<void> {
  const { file } = job.entry;
  const once = async () => (await attemptAdditions(running, job)) ?? attempt(running, job, mode);
  const run = () => withRetries(running, file, () => cancellable(running, once, isUnderWay(running, job)));
  let outcome = await run();
  if (isRefusal(outcome.error)) {
    const standing = await cancellable(running, () => running.gate!.appeal(running.work));
    if (standing) throw standing;
    outcome = await run();
  }
  if (!outcome.error) return;
  if (isRefusal(outcome.error)) throw outcome.error;
  if (isLost(running, outcome.error) && (await settleAdditions(running, job, outcome.error)) === 'committed') return;
  const code = serverError(outcome.error)?.code;
  if (running.signal.aborted) {
    throw new AishaError('interrupted', `interrupted in ${file}; the database is as it was before it`, {
      cause: outcome.error,
    });
  }
  const kind = code === SQLSTATE.lockNotAvailable ? 'lock' : 'rolledBack';
  const failed = migrationError(kind, file, outcome.error, outcome.result.place);
  if (kind !== 'lock') throw failed;
  throw new AishaError('lock', failed.message, {
    details: [...failed.details, ...outcome.blockers.map((line) => `waited for ${line}`)],
    hint: 'Nothing of this file remains. End what blocks it, or run again at a quieter time, or with a longer --lock-timeout.',
    ...(code === undefined ? {} : { sqlState: code }),
    cause: outcome.error,
  });
}

function isRefusal(error: Error | undefined): error is AishaError {
  return error instanceof AishaError && error.kind === 'rlsGate';
}

async function attempt(running: Running, job: Job, mode: Extract<Mode, { kind: 'transaction' }>): Promise<Attempt> {
  const { sql } = job.script.expanded;
  const from = mode.begin?.end ?? 0;
  const to = mode.commit?.start ?? sql.length;
  const begin = mode.begin ? Buffer.from(sql.subarray(mode.begin.start, mode.begin.end)).toString('utf8') : 'begin';
  // Two transactions: one that has run a statement no longer takes an isolation level.
  const { gate } = running;
  const text = () => (to - from > LONGEST_TOLD ? '' : Buffer.from(sql.subarray(from, to)).toString('utf8'));
  const unprepared = gate && (await prepareSession(running, job, running.additions.isUnderWay === true, text));
  running.additions.isUnderWay = true;
  if (unprepared) return { error: unprepared, result: { place: undefined } };
  const fresh = freshSession(running, timeoutsOf(job.script.header), gate && []);
  const opening = ['begin', ...fresh, ...(gate ? [gate.mark] : []), 'commit', begin];
  const telling = gate?.telling;
  const closing = [
    'set constraints all immediate',
    ...OWN_ROLE,
    // In front of RESET ALL, which would take the mark away.
    ...(gate ? [`savepoint ${endOfFile(gate)}`, telling?.[0] ?? gate.guard] : []),
    OWN_SETTINGS,
    ...(telling?.slice(1) ?? recording(running, job, gate?.calm, gate?.calm !== undefined)),
  ];

  let begun: ScriptOutcome['begun'] = [];
  let prefix = `${opening.join(';')};`;
  let skipped = opening.length;
  for (const batch of batches(job, from, to)) {
    const last = batch.to === to;
    const suffix = last ? `\n;${closing.join(';')}` : '';
    const chunks = [prefix, sql.subarray(batch.from, batch.to), suffix];
    const options = { copies: batch.copies, keepValues: last && telling ? MOST_TOLD : 0, keepBegun: MOST_BEGUN };
    const outcome = await running.work.script(chunks, options);
    const { completed, error } = outcome;
    if (prefix !== '') begun = outcome.begun;
    const call = gate && last ? await callOf(running, gate, { ...outcome, begun }, telling !== undefined) : undefined;
    if (call) return { error: await passGate(running, gate!, job, call), result: { place: undefined } };
    if (error) {
      const place = placeOfFailure(job.script.expanded, batch, error, prefix, completed - skipped);
      await running.work.undo();
      return { error, result: { place } };
    }
    prefix = '';
    skipped = 0;
    if (running.signal.aborted && !last) {
      await running.work.undo();
      return { error: new Error('interrupted'), result: { place: undefined } };
    }
  }
  gate?.pass();
  return { error: undefined, result: { place: undefined } };
}

/** Longer files (bytes) are not read to see whether they most likely have to be judged. */
const LONGEST_TOLD = 256 * 1024;

/** Values of what the gate asks at the end of a file: the file's own are no use to anybody. */
const MOST_TOLD = 2;

/** Those of what stands in front of the file's transaction. */
const MOST_BEGUN = 2;

/** The savepoint behind a file's statements; no file has one of that name. */
const endOfFile = (gate: Gate) => gate.named('end');

/** What the gate is called for, if it is: the failure of its guard, or what it was told at the end of the file. */
async function callOf(
  { work }: Running,
  gate: Gate,
  { error, begun, values }: ScriptOutcome,
  isTold: boolean,
): Promise<GateCall | undefined> {
  if (!error) return isTold ? { ...gate.readTold(begun, values), back: [] } : undefined;
  // As oneself: a file's search path must not decide what is read.
  const back = [`rollback to savepoint ${endOfFile(gate)}`, ...BACK_TO_ONESELF];
  if (gate.isCalledBy(error)) return { message: error.message, back };
  if (!isTold || !work.inTransaction) return undefined;
  // What tells may fail for itself, of a lock or a limit. Where the file's end was reached, the guard is asked after all.
  const asked = await work.script([`rollback to savepoint ${endOfFile(gate)};${gate.guard}`]);
  if (!asked.error) return { message: '', back };
  return gate.isCalledBy(asked.error) ? { message: asked.error.message, back } : undefined;
}

/** Has the gate look at what the file did, and commits it when nothing is said against it. */
async function passGate(running: Running, gate: Gate, job: Job, call: GateCall): Promise<Error | undefined> {
  const { work, signal } = running;
  try {
    const { refusal, verdict, isPrepared } = await gate
      .judge(work, job.entry.file, call)
      .catch((error: Error) => lostOr(running, error));
    const stop = refusal ?? (signal.aborted ? new Error('interrupted') : undefined);
    if (stop) {
      await work.undo();
      return stop;
    }
    const { error } = await work.script([recording(running, job, verdict, isPrepared).join(';')]);
    if (error) throw error;
    gate.accept();
    return undefined;
  } catch (error) {
    await work.undo();
    return error as Error;
  }
}

/** The gate also asks the connection that holds the lock, whose end is then noticed before the fence does. */
async function lostOr({ lock }: Running, error: Error): Promise<never> {
  const holds = await lock.guard.query('select').then(
    () => true,
    () => false,
  );
  throw holds ? error : new LockLost(error.message, { cause: error });
}

/** The messages of a file, each with the data of the COPY statements in it. */
function* batches({ script }: Job, from: number, to: number): Generator<Batch> {
  const { copies } = script.expanded;
  for (const stretch of stretches(script, from, to)) {
    const within = copies.filter((c) => c.behind > stretch.from && c.behind <= stretch.to);
    yield { ...stretch, copies: within.map((c) => c.rows) };
  }
}
