import type { ScriptOutcome } from '../postgres/session.ts';
import { placeOfFailure } from './failure.ts';
import { AppliedAnyway, isLost, settleLost } from './lost.ts';
import { prepareSession } from './prepare-session.ts';
import type { Place } from './psql.ts';
import { rowEntry } from './recording.ts';
import { executeRowSql, rowName } from './row-in-turn.ts';
import { freshSession, type Job, limitsOf, OWN_SETTINGS, type Running } from './runner.ts';
import type { Stretch } from './script.ts';
import { timeoutsOf } from './timeouts.ts';

/** How an attempt at a file ended, and where in it. */
export interface Attempt {
  readonly error: Error | undefined;
  readonly result: { readonly place: Place | undefined };
}

/** Files that only add, as far as they are under way: what is known of the session, and what is sent. */
export interface AdditionRun {
  /** Limits that are set, in a session in which nothing else is different from what freshSession makes of it. */
  limits?: string | undefined;
  /** How many messages had been sent then: one more, and nothing is known. */
  messages?: number;
  /** The session has the prepared statement that writes rows. */
  hasRow?: boolean;
  /** Some file of the run went before. */
  isUnderWay?: boolean;
  /** Turn of the file that was sent last. */
  turn: number;
  /** Files behind the one in hand, in order, that the server has already. */
  readonly ahead: Sent[];
}

interface Sent {
  readonly job: Job;
  /** The file's own statements. */
  readonly body: Stretch;
  /** What stands in front of them in the message: its text, and how many statements that is. */
  readonly prefix: string;
  readonly opening: number;
  readonly outcome: () => Promise<ScriptOutcome>;
}

/**
 * The server never waits for the client to read its answer and write the next file, nor for what is between them; what
 * it has is little enough that a run is stopped soon.
 */
const MOST_AHEAD = 8;
const MOST_BYTES_AHEAD = 256 * 1024;

/**
 * Applies a file that only adds (additive.ts): one transaction with its ledger row, like any other, but nothing has to
 * be put right in the session behind it, nor in front of the next one, and the gate needs no more than a glance. Files
 * of the kind that follow are sent along: each has a message and a transaction of its own, and fails unless the one in
 * front of it was committed.
 * @returns nothing when the file has to be applied like others; the database is as it was before then
 */
export async function attemptAdditions(running: Running, job: Job): Promise<Attempt | undefined> {
  const { gate, work, additions } = running;
  const sent = additions.ahead.shift() ?? (await sendFirst(running, job));
  if (sent === undefined || 'error' in sent) return sent;
  sendMore(running, job);
  const { completed, error } = await sent.outcome();
  if (!error) {
    gate?.pass();
    return { error: undefined, result: { place: undefined } };
  }
  additions.limits = undefined;
  if (isLost(running, error)) return { error, result: { place: undefined } };
  // What was sent behind it fails as well; nothing can be said to the server before it has said so.
  for (const { outcome } of additions.ahead.splice(0)) await outcome();
  await work.undo();
  if (gate?.isDistrust(error)) return undefined;
  const place = placeOfFailure(job.script.expanded, sent.body, error, sent.prefix, completed - sent.opening);
  return { error, result: { place } };
}

/** Takes back the limits that a file of this kind leaves set, for what does not set its own. */
export async function leaveAdditions({ work, additions }: Running): Promise<void> {
  if (additions.limits === undefined) return;
  additions.limits = undefined;
  // A connection that is lost meanwhile fails what comes next, which can say more about it.
  await work.script([OWN_SETTINGS]);
}

/** True when the file is with the server already: what becomes of it is not known before it is asked after. */
export function isUnderWay({ additions }: Running, { entry }: Job): boolean {
  return additions.ahead[0]?.job.entry.file === entry.file;
}

/**
 * Finds out what became of a file when the connection was lost behind it, or behind one that it was sent with.
 * @returns `committed` when the one behind it, which was sent as well, may be so too: it is asked after in its turn
 * @throws AppliedAnyway, AishaError (connection) as settleLost does
 */
export async function settleAdditions(running: Running, job: Job, lost: Error): Promise<'committed' | 'gone'> {
  const { ahead } = running.additions;
  try {
    await settleLost(running, job, lost);
  } catch (error) {
    if (error instanceof AppliedAnyway && ahead.length > 0) return 'committed';
    throw error;
  }
  ahead.length = 0;
  return 'gone';
}

async function sendFirst(running: Running, job: Job): Promise<Sent | Attempt | undefined> {
  const { work, additions } = running;
  const closing = closingOf(running, job, undefined);
  if (closing === undefined) return undefined;
  const limits = limitsText(running, job);
  const opening: string[] = [];
  if (additions.limits !== limits || additions.messages !== work.messages) {
    const unprepared = await prepareSession(running, job, true);
    if (unprepared) return { error: unprepared, result: { place: undefined } };
    opening.push('begin', ...freshSession(running, timeoutsOf(job.script.header), []), 'commit');
  }
  return send(running, job, opening, closing, (chunks) => {
    const outcome = work.script(chunks);
    return () => outcome;
  });
}

/** Files that may be sent before the one in hand is committed: they need nothing that has to be found out in between. */
function sendMore(running: Running, job: Job): void {
  const { work, additions } = running;
  const { ahead } = additions;
  let bytes = ahead.reduce((sum, sent) => sum + sent.body.to, 0);
  let next = (ahead.at(-1)?.job ?? job).next?.();
  while (next && ahead.length < MOST_AHEAD && limitsText(running, next) === additions.limits) {
    bytes += next.script.expanded.sql.length;
    if (bytes > MOST_BYTES_AHEAD) return;
    const closing = closingOf(running, next, additions.turn);
    if (closing === undefined) return;
    ahead.push(send(running, next, [], closing, (chunks) => work.scriptAhead(chunks)));
    next = next.next?.();
  }
}

function send(
  running: Running,
  job: Job,
  fresh: readonly string[],
  closing: readonly string[],
  sendChunks: (chunks: (Uint8Array | string)[]) => () => Promise<ScriptOutcome>,
): Sent {
  const { work, additions } = running;
  const { mode, expanded } = job.script;
  const { sql } = expanded;
  const { begin, commit } = mode.kind === 'transaction' ? mode : {};
  const body = { from: begin?.end ?? 0, to: commit?.start ?? sql.length };
  const ownBegin = begin && Buffer.from(sql.subarray(begin.start, begin.end)).toString('utf8');
  const opening = [...fresh, ownBegin ?? 'begin'];
  const prefix = `${opening.join(';')};`;
  const outcome = sendChunks([prefix, sql.subarray(body.from, body.to), `\n;${closing.join(';')}`]);
  additions.limits = limitsText(running, job);
  additions.messages = work.messages;
  return { job, body, prefix, opening: opening.length, outcome };
}

/** What ends the file's transaction; nothing when it has to be applied like others. */
function closingOf(running: Running, job: Job, after: number | undefined): string[] | undefined {
  const { gate, additions } = running;
  const { script } = job;
  if (script.mode.kind !== 'transaction' || job.record !== undefined || job.isNew !== true) return undefined;
  const kind = script.additions();
  const trust = kind && gate?.trust(kind);
  if (kind === undefined || (gate && trust === undefined)) return undefined;
  const turn = { own: ++additions.turn, after };
  const row = executeRowSql(rowName(running), rowEntry(running, job, gate?.calm), turn);
  return [...(trust === undefined ? [] : [trust]), row, 'commit'];
}

function limitsText(running: Running, { script }: Job): string {
  return String(limitsOf(running, timeoutsOf(script.header)));
}
