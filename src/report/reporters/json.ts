import { jsonText } from '../json-text.ts';
import type { Finding, Report, ReportError, Reporter } from '../report.ts';

/** The contract of scripts: exactly these keys, in this order; what is meant for people stays out. */
export const render: Reporter = (report) => jsonText(contractOf(report));

function contractOf(report: Report): object {
  return {
    schema: 'aisha-db/report@1',
    command: report.command,
    version: report.version,
    target: report.target === undefined ? null : targetOf(report.target),
    startedAt: report.startedAt,
    durationMs: report.durationMs,
    status: report.status,
    exitCode: report.exitCode,
    checks: report.checks.map(({ id, title, status, reason }) => ({ id, title, status, reason })),
    findings: report.findings.map(findingOf),
    data: report.data,
    error: report.error === undefined ? undefined : errorOf(report.error),
  };
}

function targetOf({ host, port, database, user, serverVersion }: NonNullable<Report['target']>): object {
  return { host, port, database, user, serverVersion };
}

function findingOf({ check, severity, object, message, remediation, metric, details }: Finding): object {
  return { check, severity, object, message, remediation, metric, details };
}

function errorOf({ code, message, hint, details, sqlState }: ReportError): object {
  return { code, message, hint, details: details?.length ? details : undefined, sqlState };
}
