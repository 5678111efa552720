import { textWidth } from './text-width.ts';

/** How far long work is, for a terminal or a log. */
export interface Progress {
  /** What is being done: `restoring`, `vacuum public.users`. */
  readonly what: string;
  /** 0 to 1; `undefined` while nobody can tell. */
  readonly share: number | undefined;
  /** What else there is to say, the most important first: a narrow terminal shows no more than fits. */
  readonly details: readonly string[];
}

const BAR_WIDTH = 20;
const SHORT_BAR_WIDTH = 10;

/** `restoring [########------------] 42 % 4.5 s left, 400 rows/s`, as much of it as fits into that many columns. */
export function progressBar({ what, share, details }: Progress, columns = Number.POSITIVE_INFINITY): string {
  const heads =
    share === undefined
      ? [what]
      : [BAR_WIDTH, SHORT_BAR_WIDTH].map((width) => `${what} [${bar(share, width)}] ${percentOf(share)} %`);
  const forms = heads.flatMap((head) =>
    details.map((_, i) => [head, details.slice(0, details.length - i).join(', ')].join(' ')).concat(head),
  );
  return forms.find((form) => textWidth(form) <= columns) ?? forms.at(-1)!;
}

/** `restoring: 42 %, 4.5 s left, 400 rows/s`: for a log, which has no columns to fit into. */
export function progressText({ what, share, details }: Progress): string {
  const parts = [...(share === undefined ? [] : [`${percentOf(share)} %`]), ...details];
  return parts.length === 0 ? what : `${what}: ${parts.join(', ')}`;
}

function bar(share: number, width: number): string {
  const filled = Math.round(bounded(share) * width);
  return `${'#'.repeat(filled)}${'-'.repeat(width - filled)}`;
}

function percentOf(share: number): number {
  return Math.floor(bounded(share) * 100 + 1e-9);
}

function bounded(share: number): number {
  return Math.max(0, Math.min(1, share));
}
