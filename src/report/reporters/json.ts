import { jsonText } from '../json-text.ts';
import type { Check, Finding, Report, ReportError, Reporter } from '../report.ts';

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
    checks: report.checks.map(checkOf),
    findings: report.findings.map(findingOf),
    data: report.data,
    error: report.error === undefined ? undefined : errorOf(report.error),
  };
}

function targetOf({ host, port, database, user, serverVersion }: NonNullable<Report['target']>): object {
  return { host, port, database, user, serverVersion };
}

function checkOf({ id, title, status, reason, category, description, remediation }: Check): object {
  return { id, title, status, reason, category, description, remediation };
}

function findingOf(finding: Finding): object {
  const { check, severity, object, message, remediation, metric, details, unit, fingerprint } = finding;
  return { check, severity, object, message, remediation, metric, details, unit, fingerprint };
}

function errorOf({ code, message, hint, details, sqlState }: ReportError): object {
  return { code, message, hint, details: details?.length ? details : undefined, sqlState };
}
