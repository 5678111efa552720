import { AishaError } from './errors.ts';

/** Milliseconds of each unit; the longest word first where one begins another. */
const UNITS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `5s`, `2min`, `1.5h`, `1d`; units as PostgreSQL writes them (docs 20.1.1). */
export const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)$/;

/** PostgreSQL's timeouts are 32-bit milliseconds. */
export const LONGEST_MS = 2 ** 31 - 1;

/**
 * Milliseconds of a duration: a number is milliseconds already, a string needs a unit unless it is `0`.
 * @param name what the message calls it: `--lock-timeout`
 * @throws AishaError (usage) when it is none, negative, or longer than 24 days
 */
export function parseDuration(value: string | number, name: string): number {
  const milliseconds = typeof value === 'number' ? value : millisecondsOf(value.trim());
  if (milliseconds !== undefined && milliseconds >= 0 && milliseconds <= LONGEST_MS) return Math.round(milliseconds);
  throw new AishaError('usage', `${name} "${value}" is not a duration`, {
    hint: 'Write it with a unit: 500ms, 5s, 2min, 1h; 0 means no limit.',
  });
}

function millisecondsOf(text: string): number | undefined {
  if (text === '0') return 0;
  const [, amount, unit] = DURATION.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNITS[unit as keyof typeof UNITS];
}

/** A duration for people, in the two largest units that say something: `350 ms`, `4.2 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${trimZero((milliseconds / 1_000).toFixed(1))} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return join(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function trimZero(decimal: string): string {
  return decimal.replace(/\.0$/, '');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
