import { groupBy } from '../group-by.ts';
import { type Check, type Finding, type Report, SEVERITIES, type Severity } from './report.ts';

/** Severities from the one that matters most. */
export const WORST_FIRST: readonly Severity[] = SEVERITIES.toReversed();

/** A check with what it found; findings of a check that the report does not list make an entry of their own. */
export interface CheckOutcome extends Check {
  readonly findings: readonly Finding[];
}

/** Checks in the order they were asked, then those that only findings name. */
export function outcomes(report: Report): readonly CheckOutcome[] {
  const found = groupBy(report.findings, (finding) => finding.check);
  const listed = report.checks.map((check) => ({ ...check, findings: found.get(check.id) ?? [] }));
  const known = new Set(report.checks.map((check) => check.id));
  const unlisted = [...found].filter(([id]) => !known.has(id));
  return [...listed, ...unlisted.map(([id, findings]) => ({ id, title: id, status: 'failed' as const, findings }))];
}

export function ofSeverity(report: Report, severity: Severity): readonly Finding[] {
  return report.findings.filter((finding) => finding.severity === severity);
}

export function undecided(report: Report): readonly Check[] {
  return report.checks.filter((check) => check.status === 'unknown');
}

/** One line of numbers: `3 checks: 1 passed, 1 failed, 1 unknown; 1 critical, 2 warnings`. Empty when nothing was asked. */
export function countLine(report: Report): string {
  const { checks } = report;
  const statuses = ['passed', 'failed', 'unknown', 'not-applicable'] as const;
  const perStatus = statuses.map((status) => counted(checks.filter((check) => check.status === status).length, status));
  const perSeverity = WORST_FIRST.map((severity) => countOf(ofSeverity(report, severity).length, severity));
  const asked =
    checks.length === 0 ? '' : `${checks.length} ${checks.length === 1 ? 'check' : 'checks'}: ${list(perStatus)}`;
  return [asked, list(perSeverity)].filter((part) => part !== '').join('; ');
}

/** `2 warnings`; empty for none. `critical` and `info` have no plural. */
function countOf(count: number, severity: Severity): string {
  return counted(count, severity === 'warning' && count !== 1 ? 'warnings' : severity);
}

function counted(count: number, name: string): string {
  return count === 0 ? '' : `${count} ${name}`;
}

function list(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}
