import { Cron } from 'croner';
import { AishaError, messageOf } from '../errors.ts';

/** Five fields as sets of numbers: what every scheduler can be told. Sunday is 0. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
  /** Fields that begin with `*`: cron takes a day that either of the two others names (crontab(5)). */
  readonly anyDay: boolean;
  readonly anyWeekday: boolean;
}

const FIELDS = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12 },
  { name: 'weekday', from: 0, to: 7 },
] as const;

const NAMES: Readonly<Record<string, readonly string[]>> = {
  month: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  weekday: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

const HINT = 'Write five fields: minute hour day month weekday, such as "0 3 * * *" (crontab(5)).';

/**
 * Reads numbers, names, `*`, lists, ranges and steps: what cron, systemd, GitHub, Kubernetes and pg_cron all know. L, W, #
 * and @daily are refused, since most of them would not.
 * @param where what the message calls it: `schedule.jobs.backup-daily.at`
 * @throws AishaError (usage)
 */
export function parseCron(text: string, where: string): CronFields {
  const fail = (why: string) =>
    new AishaError('usage', `${where} "${text}" is no time of cron: ${why}`, { hint: HINT });
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) throw fail(`${parts.length} fields`);
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, at) => {
    const values = expand(parts[at]!, field);
    if (values === undefined) throw fail(`the ${field.name} is "${parts[at]}"`);
    return values;
  });
  const fields = {
    minutes: minutes!,
    hours: hours!,
    days: days!,
    months: months!,
    weekdays: [...new Set(weekdays!.map((day) => day % 7))].sort((a, b) => a - b),
    anyDay: parts[2]!.startsWith('*'),
    anyWeekday: parts[4]!.startsWith('*'),
  };
  if (nextRuns(text, 'UTC', new Date(0), 1).length === 0) throw fail('there is no such day');
  return fields;
}

function expand(text: string, field: (typeof FIELDS)[number]): number[] | undefined {
  const values = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const [, first = '', last, step] = /^(\*|\d+|[a-z]{3})(?:-(\d+|[a-z]{3}))?(?:\/(\d+))?$/.exec(part) ?? [];
    const low = first === '*' ? field.from : numberOf(first, field);
    const high = first === '*' ? lastOf(field) : last === undefined ? low : numberOf(last, field);
    if (low === undefined || high === undefined || low > high || (first === '*' && last !== undefined))
      return undefined;
    // `5/10` is 5 alone to one cron and 5, 15, ... to another.
    if (step !== undefined && (Number(step) < 1 || (first !== '*' && last === undefined))) return undefined;
    for (let value = low; value <= high; value += Number(step ?? 1)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

/** Sunday is 0 and 7; `*` counts it once. */
function lastOf({ name, to }: (typeof FIELDS)[number]): number {
  return name === 'weekday' ? 6 : to;
}

function numberOf(text: string, { name, from, to }: (typeof FIELDS)[number]): number | undefined {
  const named = NAMES[name]?.indexOf(text) ?? -1;
  const value = named === -1 ? Number(text || Number.NaN) : named + (name === 'month' ? 1 : 0);
  return Number.isInteger(value) && value >= from && value <= to ? value : undefined;
}

/** The next times after `from`, in a zone (IANA name), from the earliest. Croner runs a skipped time right after it. */
export function nextRuns(at: string, zone: string, from: Date, count: number): readonly Date[] {
  return pattern(at, zone).nextRuns(count, from);
}

/** The last time before `before` at which it had to run. */
export function lastDue(at: string, zone: string, before: Date): Date | undefined {
  return pattern(at, zone).previousRuns(1, before)[0];
}

function pattern(at: string, zone: string): Cron {
  return new Cron(at, { timezone: zone, paused: true, mode: '5-part' });
}

/** @throws AishaError (usage) for a zone that this machine does not know */
export function checkZone(zone: string, where: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch (error) {
    throw new AishaError('usage', `${where} "${zone}" is no time zone`, {
      hint: 'Write a name of the IANA list, such as "Europe/Berlin" or "UTC".',
      details: [messageOf(error)],
    });
  }
}

/** A time in a zone as people write it: `Sun 2027-03-28 03:00 GMT+2`. */
export function formatInZone(time: Date, zone: string): string {
  const parts = new Map(
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'shortOffset',
    })
      .formatToParts(time)
      .map(({ type, value }) => [type, value]),
  );
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  const offset = get('timeZoneName').replace(/^(UTC|GMT)(\+0)?$/, 'UTC');
  return `${get('weekday')} ${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')} ${offset}`;
}

/** A clock change that a job's time falls into. */
export interface ClockChange {
  /** The run that is not at its own time, or that its time has twice. */
  readonly at: Date;
  readonly kind: 'skipped' | 'repeated';
}

/**
 * The runs within a year whose time of day the clock skips (they run right after, or not at all: that depends on the
 * cron) or has twice (they run once or twice).
 */
export function clockChanges(at: string, zone: string, from: Date): readonly ClockChange[] {
  const { hours } = parseCron(at, 'the time');
  // What runs every hour is not at a time of day.
  if (hours.length > 12) return [];
  return transitions(zone, from).flatMap(({ time, before, after }) => {
    const [low, high] = [time.getTime() + Math.min(before, after), time.getTime() + Math.max(before, after)];
    const hit = nextRuns(at, 'UTC', new Date(low - 1), 1)[0];
    if (hit === undefined || hit.getTime() >= high) return [];
    return [
      { at: new Date(hit.getTime() - before), kind: after > before ? ('skipped' as const) : ('repeated' as const) },
    ];
  });
}

const HOUR = 3_600_000;

/** When the offset of a zone changes within a year: the moment, and the offsets (ms) before and after. */
function transitions(zone: string, from: Date): { time: Date; before: number; after: number }[] {
  const found: { time: Date; before: number; after: number }[] = [];
  const start = Math.ceil(from.getTime() / HOUR) * HOUR;
  const day = 24 * HOUR;
  for (let at = start; at < start + 366 * day; at += day) {
    const before = offsetAt(zone, at);
    if (offsetAt(zone, at + day) === before) continue;
    let [low, high] = [at, at + day];
    while (high - low > 15 * 60_000) {
      const middle = (low + high) / 2;
      if (offsetAt(zone, middle) === before) low = middle;
      else high = middle;
    }
    const time = Math.floor(high / (15 * 60_000)) * 15 * 60_000;
    found.push({ time: new Date(time), before, after: offsetAt(zone, at + day) });
  }
  return found;
}

/** By zone: making one takes a hundred times as long as using it. */
const offsetFormats = new Map<string, Intl.DateTimeFormat>();

function offsetAt(zone: string, at: number): number {
  const format =
    offsetFormats.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  offsetFormats.set(zone, format);
  const text = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')!.value;
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(text) ?? [];
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
