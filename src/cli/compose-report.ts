import { judge, type Thresholds } from '../report/exit-code.ts';
import type { CommandResult, Report, ReportTarget } from '../report/report.ts';
import { toReportError } from './failure.ts';

/** What the edge knows about a run. */
export interface RunFacts {
  readonly command: string;
  readonly version: string;
  readonly target: ReportTarget | undefined;
  readonly startedAt: Date;
  readonly durationMs: number;
}

/** The report of a run: what the command returned, the facts around it, and the verdict. */
export function composeReport(result: CommandResult, facts: RunFacts, thresholds: Thresholds): Report {
  const { command, version, target, startedAt, durationMs } = facts;
  const { checks = [], findings = [], data = {}, error, text, tables, charts, measures } = result;
  return {
    command,
    version,
    ...(target === undefined ? {} : { target }),
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
    ...judge(result, thresholds),
    checks,
    findings,
    data,
    ...(error === undefined ? {} : { error: toReportError(error) }),
    ...(text === undefined ? {} : { text }),
    ...(tables === undefined ? {} : { tables }),
    ...(charts === undefined ? {} : { charts }),
    ...(measures === undefined ? {} : { measures }),
  };
}
