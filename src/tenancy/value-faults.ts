import type { ContextName, Evaluation, SampleRow } from './facts.ts';
import { type Failure, isFailure } from './truths.ts';

/** In these a session says what it should: what fails is the policy, or a value that no row of the table would have. */
const NAMED: readonly ContextName[] = ['own', 'own-uppercase', 'forged'];

/**
 * A policy that casts a column (`level::integer > 3`) fails for a made-up row of which the column holds a word; no row
 * of the table may. Where every error in a session that says what it should quotes a value of its own row, or the type
 * of a column refuses it, and other rows fail for nothing, nothing is wrong with the policy: such rows do not pass,
 * whatever the session says, and that is all.
 * @returns the same list where there is no such error
 */
export function withoutValueFaults(
  evaluations: readonly Evaluation[],
  rows: readonly SampleRow[],
): readonly Evaluation[] {
  const faults = new Set(evaluations.flatMap((one) => faultsIn(one, rows)));
  if (faults.size === 0) return evaluations;
  return evaluations.map((one) => ({
    ...one,
    truths: one.truths.map((truth, at) => (isFailure(truth) && faults.has(faultAt(truth, at)) ? null : truth)),
  }));
}

function faultAt({ error }: Failure, at: number): string {
  return `${at} ${error}`;
}

function faultsIn({ context, truths }: Evaluation, rows: readonly SampleRow[]): string[] {
  const failed = truths.flatMap((truth, at) => (isFailure(truth) ? [{ truth, at }] : []));
  if (failed.length === truths.length || !NAMED.includes(context)) return [];
  if (!failed.every(({ truth, at }) => isFaultOf(truth, rows[at]))) return [];
  return failed.map(({ truth, at }) => faultAt(truth, at));
}

/** What a domain refuses (PostgreSQL docs, appendix A). */
const CHECK_VIOLATION = '23514';

/** Class 22, data exception (ditto), whose message quotes the value. */
function isFaultOf({ error, sqlState }: Failure, row: SampleRow | undefined): boolean {
  if (sqlState === CHECK_VIOLATION) return true;
  if (!sqlState.startsWith('22') || row === undefined) return false;
  const values = Object.values(row.values);
  if (QUOTED_DOCUMENT.test(error) && values.some((value) => typeof value === 'object' && value !== null)) return true;
  return values.some((value) => textsIn(value).some((text) => isQuotedIn(error, text)));
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value === 'object' && value !== null)
    return [JSON.stringify(value), ...Object.values(value).flatMap(textsIn)];
  return value === null || value === undefined ? [] : [String(value)];
}

/** The beginning of a document within quotes: the server prints it with its own order of keys. */
const QUOTED_DOCUMENT = /["«»„“”'‘’][{[]/;

/** Between quotes of whatever language. */
function isQuotedIn(message: string, text: string): boolean {
  for (let at = message.indexOf(text); at !== -1; at = message.indexOf(text, at + 1)) {
    const [before, after] = [message[at - 1] ?? '', message[at + text.length] ?? ''];
    if (/["«»„“”'‘’]/.test(before) && /["«»„“”'‘’]/.test(after)) return true;
  }
  return false;
}
