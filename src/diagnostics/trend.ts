import { SEVERITIES, type Unit } from '../report/report.ts';
import type { Measured, SavedFinding, SavedRun } from './saved-run.ts';

/** A number that has grown since it was first stored. */
export interface Growth {
  readonly check: string;
  readonly object: string;
  readonly unit: Unit;
  readonly since: string;
  readonly from: number;
  readonly to: number;
  /** In the number's unit. */
  readonly perDay: number;
  /** At this pace; only for shares that grow. */
  readonly daysUntilFull: number | undefined;
}

/** A finding that is there as before and matters more. */
interface Worsened extends SavedFinding {
  readonly was: SavedFinding['severity'];
}

/** What stored runs say about this one. */
export interface Trend {
  readonly runs: number;
  /** When the run it is compared with was taken: the last one. */
  readonly last: string;
  readonly appeared: readonly SavedFinding[];
  readonly gone: readonly SavedFinding[];
  readonly worse: readonly Worsened[];
  readonly growing: readonly Growth[];
  /** Checks that were decided now and in no stored run. */
  readonly notCompared: readonly string[];
}

/** Below this, in a number's unit, growth is noise. */
const NOTABLE: Readonly<Record<Unit, number>> = { bytes: 1024 ** 2, percent: 1, milliseconds: 10, count: 10 };
/** And below this share of what it was. */
const NOTABLE_SHARE = 0.05;
const MOST_GROWING = 20;
const DAY_MS = 86_400_000;

/**
 * Compares a run with stored ones. Each check is compared with the last run that decided it: what could not be looked at,
 * or was not asked for, is neither new nor gone.
 * @param history from the oldest; nothing is said without any
 */
export function compareRuns(history: readonly SavedRun[], now: SavedRun): Trend | undefined {
  const last = history.at(-1);
  if (last === undefined) return undefined;
  const changes = Object.keys(now.checks)
    .filter((check) => isDecided(now, check))
    .map((check) => ({ check, before: history.findLast((run) => isDecided(run, check)) }));
  const compared = changes.flatMap(({ check, before }) =>
    before === undefined ? [] : [compareCheck(check, before, now)],
  );
  return {
    runs: history.length,
    last: last.takenAt,
    appeared: compared.flatMap(({ appeared }) => appeared),
    gone: compared.flatMap(({ gone }) => gone),
    worse: compared.flatMap(({ worse }) => worse),
    growing: growthOf([...history, now]),
    notCompared: changes.flatMap(({ check, before }) => (before === undefined ? [check] : [])),
  };
}

function isDecided({ checks }: SavedRun, check: string): boolean {
  return checks[check] === 'passed' || checks[check] === 'failed';
}

function compareCheck(check: string, before: SavedRun, now: SavedRun): Pick<Trend, 'appeared' | 'gone' | 'worse'> {
  const old = findingsOf(before, check);
  const current = findingsOf(now, check);
  return {
    appeared: [...current.values()].filter(({ fingerprint }) => !old.has(fingerprint)),
    gone: [...old.values()].filter(({ fingerprint }) => !current.has(fingerprint) && !now.muted.includes(fingerprint)),
    worse: [...current.values()].flatMap((finding) => {
      const was = old.get(finding.fingerprint)?.severity;
      const isWorse = was !== undefined && SEVERITIES.indexOf(finding.severity) > SEVERITIES.indexOf(was);
      return isWorse ? [{ ...finding, was }] : [];
    }),
  };
}

function findingsOf({ findings }: SavedRun, check: string): ReadonlyMap<string, SavedFinding> {
  return new Map(findings.filter((one) => one.check === check).map((one) => [one.fingerprint, one]));
}

// ── numbers over time ───────────────────────────────────────────────────────────────────────────────────────────────

/** A number of one thing in each run that has it, from the oldest. */
export interface Series extends Pick<Measured, 'check' | 'object' | 'unit'> {
  readonly points: readonly { readonly at: string; readonly value: number }[];
}

/** Of what the latest run measured, largest first. */
export function seriesOf(runs: readonly SavedRun[]): readonly Series[] {
  const points = new Map<string, { at: string; value: number }[]>();
  for (const { takenAt, measures } of runs) {
    for (const measured of measures) {
      const key = keyOf(measured);
      const known = points.get(key);
      const point = { at: takenAt, value: measured.value };
      if (known === undefined) points.set(key, [point]);
      else known.push(point);
    }
  }
  const latest = runs.at(-1)?.measures ?? [];
  return latest.map((measured) => {
    const { check, object, unit } = measured;
    return { check, object, unit, points: points.get(keyOf(measured)) ?? [] };
  });
}

/** The unit is part of it: a later version may measure otherwise. */
function keyOf({ check, fingerprint, unit }: Measured): string {
  return JSON.stringify([check, fingerprint, unit]);
}

function growthOf(runs: readonly SavedRun[]): Growth[] {
  const growing = seriesOf(runs).flatMap((series) => growth(series) ?? []);
  return growing.toSorted((a, b) => share(b) - share(a)).slice(0, MOST_GROWING);
}

function growth({ check, object, unit, points }: Series): Growth | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const grown = last.value - first.value;
  const days = (Date.parse(last.at) - Date.parse(first.at)) / DAY_MS;
  if (days <= 0 || grown < NOTABLE[unit] || grown < first.value * NOTABLE_SHARE) return undefined;
  const perDay = grown / days;
  const daysUntilFull = unit === 'percent' && last.value < 100 ? (100 - last.value) / perDay : undefined;
  return { check, object, unit, since: first.at, from: first.value, to: last.value, perDay, daysUntilFull };
}

function share({ from, to }: Growth): number {
  return from <= 0 ? Number.POSITIVE_INFINITY : to / from;
}
