import { createHash } from 'node:crypto';
import type { Check, Finding, Severity } from '../report/report.ts';
import type { Definition } from './definition.ts';
import type { Outcome, Row } from './facts.ts';
import { type Mute, type MutedFinding, sortOut } from './mutes.ts';
import type { ConfiguredCheck } from './settings.ts';
import { fill, measure, write } from './template.ts';
import { severityOf } from './thresholds.ts';

/** How one check ended, with what it found. */
export interface Judgement {
  readonly check: Check;
  readonly findings: readonly Finding[];
  readonly muted: readonly MutedFinding[];
  readonly expired: readonly Mute[];
}

/** Columns that are not facts about the object but say how to treat the row. */
const RESERVED: ReadonlySet<string> = new Set([
  'object',
  'key',
  'undecided',
  'decided_by',
  'not_applicable',
  'window_days',
]);

/** Facts to findings: the only place where a check passes or fails. */
export function judge(
  { definition, enabled, reason: whyOff, severity }: ConfiguredCheck,
  outcome: Outcome,
  { mutes, today }: { readonly mutes: readonly Mute[]; readonly today: string },
): Judgement {
  const { id, title, category, why } = definition;
  const settle = (status: Check['status'], reason = '', remediation = ''): Judgement => ({
    check: {
      id,
      title,
      status,
      ...(reason === '' ? {} : { reason }),
      category,
      description: why,
      ...(remediation === '' ? {} : { remediation }),
    },
    findings: [],
    muted: [],
    expired: [],
  });
  if (!enabled)
    return settle('not-applicable', ['switched off in the configuration', ...(whyOff ? [whyOff] : [])].join(': '));
  if (outcome.kind !== 'facts') return settle(outcome.kind, outcome.reason, outcome.remediation);
  const absent = outcome.rows.map((row) => row['not_applicable']).find((reason) => typeof reason === 'string');
  if (absent !== undefined) return settle('not-applicable', absent);
  const seen = outcome.rows.flatMap((row) => look(definition, row, severity));
  const found = seen.flatMap((look) => ('finding' in look ? [look.finding] : []));
  const doubts = seen.flatMap((look) => ('doubt' in look ? [look.doubt] : []));
  const sorted = sortOut(found, mutes, today);
  const reason = [...summarise(doubts.map(({ reason }) => reason)), ...describeMuted(sorted.muted)].join('; ');
  // What could not be looked at is never green, also beside something that was found.
  const status = doubts.length > 0 ? 'unknown' : sorted.findings.length > 0 ? 'failed' : 'passed';
  const remedies = new Set(doubts.flatMap(({ remedy }) => (remedy === '' ? [] : [remedy])));
  const remedy = [...remedies].slice(0, MOST_DOUBTS).join(' ');
  return { ...settle(status, reason, remedy), ...sorted };
}

type Look = { readonly finding: Finding } | { readonly doubt: Doubt };

/** Why a row that would be a finding is none, and what would decide it. */
interface Doubt {
  readonly reason: string;
  readonly remedy: string;
}

function look(definition: Definition, row: Row, override: Severity | undefined): Look[] {
  const severity = definition.severity ?? severityOf(row, definition.thresholds);
  if (severity === undefined) return [];
  const doubt = doubtOf(definition, row);
  return [doubt === undefined ? { finding: toFinding(definition, row, override ?? severity) } : { doubt }];
}

/** The query says so, or its counters are too young. */
function doubtOf({ windowDays }: Definition, row: Row): Doubt | undefined {
  const { undecided, decided_by } = row;
  if (typeof undecided === 'string')
    return { reason: undecided, remedy: typeof decided_by === 'string' ? decided_by : '' };
  if (windowDays === undefined) return undefined;
  const days = row['window_days'];
  if (typeof days === 'number' && days >= windowDays) return undefined;
  const covered = typeof days === 'number' ? `only ${write(days, undefined)} days` : 'no known time';
  return {
    reason: `its counters cover ${covered} since they were last reset, by hand or by a crash; ${windowDays} are needed`,
    remedy: `Run it again when they cover ${windowDays} days.`,
  };
}

function toFinding({ id, message, metric, remediation }: Definition, row: Row, severity: Severity): Finding {
  const object = write(row['object'], undefined);
  const details = Object.fromEntries(Object.entries(row).filter(([column]) => !RESERVED.has(column)));
  return {
    check: id,
    severity,
    object,
    message: fill(message ?? '', row),
    ...(remediation === undefined ? {} : { remediation: fill(remediation, row) }),
    ...(metric === undefined ? {} : measure(row, metric)),
    fingerprint: fingerprintOfRow(id, row),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}

/**
 * What makes a finding the same in the next run: its check and what it is about. Numbers, wording, severity and the
 * names of other things are not in it.
 */
export function fingerprintOfRow(check: string, row: Row): string {
  const key = write(row['key'] ?? row['object'], undefined);
  return createHash('sha256').update(`${check}\0${key}`).digest('hex').slice(0, 16);
}

/** A few reasons say enough; there may be one for each table. */
const MOST_DOUBTS = 3;

function summarise(doubts: readonly string[]): string[] {
  const distinct = [...new Set(doubts)];
  const rest = distinct.length - MOST_DOUBTS;
  return rest > 0 ? [...distinct.slice(0, MOST_DOUBTS), `and ${rest} more like these`] : distinct;
}

function describeMuted(muted: readonly MutedFinding[]): string[] {
  const mutes = new Set(muted.map(({ mute }) => mute));
  return [...mutes].map((mute) => {
    const count = muted.filter((one) => one.mute === mute).length;
    return `${count} ${count === 1 ? 'finding' : 'findings'} muted until ${mute.until}: ${mute.reason}`;
  });
}
