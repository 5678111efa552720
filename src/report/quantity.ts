import type { Unit } from './report.ts';

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const DURATIONS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/**
 * A measured number for people, in three significant digits: `1.2 GB` (1 kB is 1024 bytes, as in PostgreSQL's
 * pg_size_pretty), `35 ms`, `2.5 h`, `12,000`, `41 %`. Without a unit it is a count.
 */
export function quantity(value: number, unit: Unit = 'count'): string {
  if (!Number.isFinite(value)) return String(value);
  if (unit === 'bytes') return bytes(value);
  if (unit === 'milliseconds') return duration(value);
  if (unit === 'percent') return `${significant(value)} %`;
  return grouped(Number.isInteger(value) ? String(value) : significant(value));
}

/** `1 row`, `3,000 rows`; a plural that is not the singular with an s is given: `1 index`, `2 indexes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${quantity(count)} ${count === 1 ? one : many}`;
}

function bytes(value: number): string {
  let amount = value;
  let unit = 0;
  // 1023.9 kB would be written as 1024 kB.
  while (Math.abs(amount) >= 1023.5 && unit < BYTES.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${significant(amount)} ${BYTES[unit]}`;
}

function duration(value: number): string {
  const [size, name] = DURATIONS.find(([least]) => Math.abs(value) >= least) ?? [1, 'ms'];
  return `${significant(value / size)} ${name}`;
}

function significant(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** Thousands apart, without a locale: the same on every machine. */
function grouped(digits: string): string {
  const [whole = '', fraction] = digits.split('.');
  const separated = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? separated : `${separated}.${fraction}`;
}
