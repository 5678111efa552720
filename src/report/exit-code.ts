import { EXIT } from '../errors.ts';
import { type CommandResult, type Report, SEVERITIES, type Severity } from './report.ts';

/** What the user wants to count as bad: `--fail-on` and `--unknown-as`. */
export interface Thresholds {
  readonly failOn: Severity;
  readonly unknownAs: Severity;
}

/**
 * The verdict on a run that returned. A failure's own code comes first, then a code the command asked for, then 1 for
 * findings or undecided checks at or above the threshold. The status says `ok` exactly when the code is 0.
 */
export function judge(result: CommandResult, thresholds: Thresholds): Pick<Report, 'status' | 'exitCode'> {
  if (result.error !== undefined) return { status: 'failed', exitCode: result.error.exitCode };
  const exitCode = result.exitCode || (isBad(result, thresholds) ? EXIT.findings : EXIT.ok);
  return { status: exitCode === EXIT.ok ? 'ok' : 'findings', exitCode };
}

function isBad(result: CommandResult, { failOn, unknownAs }: Thresholds): boolean {
  const severities = (result.findings ?? []).map((finding) => finding.severity);
  const isUndecided = result.checks?.some((check) => check.status === 'unknown') ?? false;
  return [...severities, ...(isUndecided ? [unknownAs] : [])].some((severity) => isAtLeast(severity, failOn));
}

function isAtLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(threshold);
}
