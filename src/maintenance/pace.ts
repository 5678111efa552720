import { AishaError } from '../errors.ts';
import { quantity } from '../report/quantity.ts';
import type { WorkItem } from './plan.ts';
import type { BusySettings, MaintenanceSettings } from './settings.ts';

/** Who keeps dead rows from being removed. */
export interface HorizonHolder {
  readonly holder: string;
  /** Of its transaction; `undefined` for slots and standbys. */
  readonly seconds: number | undefined;
  /** SQL or a sentence that ends it. */
  readonly fix: string;
}

/** What others do in the database at a moment. */
export interface Activity {
  readonly activeSessions: number;
  /** Of the standby that is furthest behind; 0 without one. */
  readonly lagBytes: number;
  /** From the oldest. */
  readonly holders: readonly HorizonHolder[];
  /** A migration that runs. */
  readonly migration: string | undefined;
  /** A second, on the whole server; `undefined` where nobody asks. */
  readonly transactions: number | undefined;
}

/** Why a statement has to wait now, or nothing. */
export function reasonToWait(
  { activeSessions, lagBytes, holders, migration, transactions }: Activity,
  item: Pick<WorkItem, 'kind' | 'needsHorizon' | 'isUrgent' | 'isLarge'>,
  busy: BusySettings,
): string | undefined {
  if (migration !== undefined) return `a migration runs: ${migration}`;
  const old = oldTransaction(holders, busy);
  if (old !== undefined && item.needsHorizon) return `${old.holder} keeps dead rows from being removed`;
  if (old !== undefined && ['reindex', 'drop-leftover', 'drop-unused'].includes(item.kind))
    return `${old.holder} would have to end first`;
  // What is close to wraparound is worth more than a quiet hour.
  if (item.isUrgent) return undefined;
  if (activeSessions >= busy.activeSessions) return `sessions at work: ${activeSessions}`;
  if (lagBytes >= busy.replicationLagMb * 1024 * 1024) return `a standby is ${quantity(lagBytes, 'bytes')} behind`;
  if (item.isLarge && transactions !== undefined && transactions >= busy.transactions)
    return `others end ${Math.round(transactions)} transactions a second, and an index so large is rebuilt below ${busy.transactions}, in maintenance.window or by name`;
  return undefined;
}

/** The transaction that is too old for VACUUM to be worth it. */
export function oldTransaction(holders: readonly HorizonHolder[], busy: BusySettings): HorizonHolder | undefined {
  return holders.find(({ seconds = 0 }) => seconds * 1_000 >= busy.longTransactionMs);
}

/** Work of VACUUM between two sleeps at so many transactions a second; gently where nobody knows how many they are. */
export function costLimitFor(
  transactions: number | undefined,
  { busy, vacuum }: Pick<MaintenanceSettings, 'busy' | 'vacuum'>,
): number {
  const isQuiet = transactions !== undefined && transactions < busy.transactions;
  return isQuiet ? Math.max(vacuum.costLimit, vacuum.quietCostLimit) : vacuum.costLimit;
}

/** `01:00-05:00`; over midnight as well. */
export const HOURS = /^([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)$/;

/** Whether the clock of this machine is between those hours. */
export function isWithin(hours: string | undefined, now: Date): boolean {
  const numbers = HOURS.exec(hours ?? '')
    ?.slice(1)
    .map(Number);
  if (numbers === undefined) return false;
  const [fromHour, fromMinute, toHour, toMinute] = numbers as [number, number, number, number];
  const [at, from, to] = [
    [now.getHours(), now.getMinutes()],
    [fromHour, fromMinute],
    [toHour, toMinute],
  ].map(([hour, minute]) => hour! * 60 + minute!) as [number, number, number];
  return from <= to ? at >= from && at < to : at >= from || at < to;
}

/** When a run has to be over. */
export interface Window {
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** `until 05:00`. */
  readonly text: string;
}

/** What `--until` and `--max-duration` say together. */
export function parseWindow(
  until: string | undefined,
  maxDurationMs: number | undefined,
  now: Date,
): Window | undefined {
  const windows = [
    ...(until === undefined ? [] : [{ deadline: nextTime(until, now), text: `until ${until}` }]),
    ...(maxDurationMs === undefined
      ? []
      : [{ deadline: now.getTime() + maxDurationMs, text: `for ${quantity(maxDurationMs, 'milliseconds')}` }]),
  ];
  return windows.toSorted((a, b) => a.deadline - b.deadline)[0];
}

/** The next moment at which the clock of this machine shows that time. */
function nextTime(text: string, now: Date): number {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined) {
    throw new AishaError('usage', `--until "${text}" is not a time of day`, {
      hint: "Write it as 05:00, in this machine's time zone.",
    });
  }
  const at = new Date(now);
  at.setHours(Number(hours), Number(minutes), 0, 0);
  if (at.getTime() <= now.getTime()) at.setDate(at.getDate() + 1);
  return at.getTime();
}
