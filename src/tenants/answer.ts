import type { Resolution } from './resolution.ts';

/** What an HTTP client is told of one identifier. */
export interface Answer {
  readonly status: 200 | 400 | 404;
  /** JSON. */
  readonly body: string;
  /** Names and values in turns, as Node's server takes them with least work. */
  readonly headers: string[];
}

export const JSON_TYPE = 'application/json; charset=utf-8';

/** What is remembered is sent again and again: its text is made once. */
const made = new WeakMap<Resolution, Answer>();

/** The resolution in the words of HTTP: 400 when the identifier is ambiguous, 404 when it is unknown (manual 7.4). */
export function answerTo(resolution: Resolution): Answer {
  const known = made.get(resolution);
  if (known !== undefined) return known;
  const body = JSON.stringify(contentOf(resolution));
  const headers = ['content-type', JSON_TYPE, 'content-length', `${Buffer.byteLength(body)}`];
  const answer = { status: statusOf(resolution), body, headers };
  made.set(resolution, answer);
  return answer;
}

function statusOf({ candidates, uuid }: Resolution): Answer['status'] {
  if (candidates !== undefined) return 400;
  return uuid === null ? 404 : 200;
}

function contentOf(resolution: Resolution): object {
  if (resolution.candidates === undefined) return resolution;
  return ambiguity([{ identifier: resolution.slug, resolution }]);
}

export interface Ambiguous {
  readonly identifier: string;
  readonly resolution: Resolution;
}

/** Nothing is guessed: every ambiguous identifier is named, with what it may mean. */
export function ambiguity(ambiguous: readonly Ambiguous[]): object {
  const names = ambiguous.map(({ identifier }) => `"${identifier}"`).join(', ');
  return {
    ...problem('ambiguous identifier', `${names} may mean several tenants: use the UUID`),
    identifiers: ambiguous.map(({ identifier, resolution }) => ({ identifier, candidates: resolution.candidates })),
  };
}

export function problem(error: string, message: string): { readonly error: string; readonly message: string } {
  return { error, message };
}
