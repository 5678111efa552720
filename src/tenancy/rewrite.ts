import type { Call } from './expression.ts';

/** Text to put in place of a part of an expression; an insertion replaces nothing. */
interface Edit {
  readonly at: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The expression with its calls made well: each that reads no column in a scalar subquery, so that the planner makes it
 * once before the first row; with `guard`, each setting read so that it is NULL where it was never made or is empty.
 */
export function mendCalls(text: string, calls: readonly Call[], options: { readonly guard: boolean }): string {
  const guards = options.guard ? calls.filter(readsSetting).flatMap((call) => guard(call, text)) : [];
  const loose = calls.filter(({ isWrapped, readsColumns }) => !isWrapped && !readsColumns);
  const wraps = loose.filter((call) => !loose.some((other) => other !== call && holds(other, call))).flatMap(wrap);
  return apply(text, [...wraps, ...guards]);
}

function holds(outer: Call, inner: Call): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

function wrap({ start, end }: Call): Edit[] {
  return [insert(start, '( SELECT '), insert(end, ')')];
}

export function readsSetting({ name }: Pick<Call, 'name'>): boolean {
  return /(^|\.)current_setting$/.test(name);
}

function guard({ start, end }: Call, text: string): Edit[] {
  const [, missing] = /,\s*(true|false)\s*\)$/.exec(text.slice(start, end)) ?? [];
  const tolerant =
    missing === undefined
      ? [insert(end - 1, ', true')]
      : missing === 'false'
        ? [{ at: end - 1 - 'false'.length, end: end - 1, text: 'true' }]
        : [];
  if (/NULLIF\($/.test(text.slice(0, start))) return tolerant;
  return [insert(start, 'NULLIF('), ...tolerant, insert(end, ", ''::text)")];
}

function insert(at: number, text: string): Edit {
  return { at, end: at, text };
}

/** Edits do not overlap; of those at one place the opening ones come from outside in, the closing from inside out. */
function apply(text: string, edits: readonly Edit[]): string {
  const isClosing = ({ text: inserted }: Edit) => inserted.endsWith(')');
  const ordered = edits
    .map((edit, rank) => ({ ...edit, rank }))
    .sort((a, b) => {
      if (a.at !== b.at) return a.at - b.at;
      return isClosing(a) && isClosing(b) ? b.rank - a.rank : a.rank - b.rank;
    });
  let out = '';
  let at = 0;
  for (const edit of ordered) {
    out += text.slice(at, edit.at) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}
