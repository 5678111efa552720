import { placeOfFailure } from './failure.ts';
import type { Mode } from './mode.ts';
import type { Place } from './psql.ts';
import { recording } from './recording.ts';
import { freshSession, type Job, limitsOf, OWN_SETTINGS, prepareGate, type Running } from './runner.ts';
import { timeoutsOf } from './timeouts.ts';

/** How an attempt at a file ended, and where in it. */
export interface Attempt {
  readonly error: Error | undefined;
  readonly result: { readonly place: Place | undefined };
}

/**
 * Applies a file that only adds (additive.ts): one transaction with its ledger row, like any other, but nothing has to
 * be put right in the session behind it, nor in front of the next one, and the gate needs no more than a glance.
 * @returns nothing when the file has to be applied like others; the database is as it was before then
 */
export async function attemptAdditions(
  running: Running,
  job: Job,
  mode: Extract<Mode, { kind: 'transaction' }>,
): Promise<Attempt | undefined> {
  const { gate, work, pristine } = running;
  const additions = job.record === undefined ? job.script.additions() : undefined;
  const trust = additions && gate?.trust(additions);
  if (additions === undefined || (gate && trust === undefined)) return undefined;

  const { sql } = job.script.expanded;
  const from = mode.begin?.end ?? 0;
  const to = mode.commit?.start ?? sql.length;
  const header = timeoutsOf(job.script.header);
  const limits = String(limitsOf(running, header));
  const isPristine = pristine.now?.messages === work.messages && pristine.now.limits === limits;
  const begin = mode.begin ? Buffer.from(sql.subarray(mode.begin.start, mode.begin.end)).toString('utf8') : 'begin';
  const unprepared = isPristine ? undefined : await prepareGate(running);
  if (unprepared) return { error: unprepared, result: { place: undefined } };
  const opening = [...(isPristine ? [] : ['begin', ...freshSession(running, header, gate && []), 'commit']), begin];
  const closing = [...(trust === undefined ? [] : [trust]), ...recording(running, job, gate?.calm)];

  const prefix = `${opening.join(';')};`;
  const { completed, error } = await work.script([prefix, sql.subarray(from, to), `\n;${closing.join(';')}`]);
  if (!error) {
    gate?.pass();
    pristine.now = { limits, messages: work.messages };
    return { error: undefined, result: { place: undefined } };
  }
  await work.undo();
  if (gate?.isDistrust(error)) return undefined;
  const place = placeOfFailure(job.script.expanded, { from, to }, error, prefix, completed - opening.length);
  return { error, result: { place } };
}

/** Takes back the limits that a file of this kind leaves set, for what does not set its own. */
export async function leaveAdditions({ work, pristine }: Running): Promise<void> {
  if (pristine.now === undefined) return;
  pristine.now = undefined;
  // A connection that is lost meanwhile fails what comes next, which can say more about it.
  await work.script([OWN_SETTINGS]);
}
