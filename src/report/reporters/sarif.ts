import { jsonText } from '../json-text.ts';
import { wellFormed } from '../plain.ts';
import type { Finding, Report, Reporter, Severity } from '../report.ts';
import { type CheckOutcome, outcomes } from '../summary.ts';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  warning: 'warning',
  info: 'note',
};

/** SARIF 2.1.0, for code scanning: every check that was asked is a rule, whether or not it fired. */
export const render: Reporter = (report) => {
  const asked = outcomes(report);
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'aisha-db', version: report.version, rules: asked.map(toRule) } },
        invocations: [toInvocation(report)],
        results: asked.flatMap(toResults),
      },
    ],
  };
  return jsonText(log);
};

function toRule({ id, title }: CheckOutcome): object {
  return { id, shortDescription: { text: title } };
}

function toResults(outcome: CheckOutcome, ruleIndex: number): object[] {
  if (outcome.status === 'unknown' && outcome.findings.length === 0) return [toOpenResult(outcome, ruleIndex)];
  return outcome.findings.map((finding) => toResult(finding, ruleIndex));
}

function toResult(finding: Finding, ruleIndex: number): object {
  const { check, severity, object, message, remediation, metric } = finding;
  return {
    ruleId: check,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: remediation === undefined ? message : `${message}\n\nFix: ${remediation}` },
    locations: [toLocation(finding)],
    // The same finding of two runs is one alert, whatever its numbers.
    partialFingerprints: { 'checkAndObject/v1': `${check}:${object}` },
    ...(metric === undefined ? {} : { properties: { metric } }),
  };
}

/** A check nobody could decide: neither passed nor failed. */
function toOpenResult({ id, title, reason }: CheckOutcome, ruleIndex: number): object {
  const text = `${title}: could not be decided${reason === undefined ? '' : ` (${reason})`}`;
  return { ruleId: id, ruleIndex, kind: 'open', level: 'none', message: { text } };
}

/** A finding about a file names it in its details; anything else is an object of the database. */
function toLocation({ object, details }: Finding): object {
  const logicalLocations = [{ fullyQualifiedName: object }];
  const { file, line, column } = details ?? {};
  if (typeof file !== 'string') return { logicalLocations };
  const start = {
    ...(typeof line === 'number' ? { startLine: line } : {}),
    ...(typeof line === 'number' && typeof column === 'number' ? { startColumn: column } : {}),
  };
  const region = Object.keys(start).length === 0 ? {} : { region: start };
  return { physicalLocation: { artifactLocation: { uri: toUri(file) }, ...region }, logicalLocations };
}

function toUri(file: string): string {
  return file
    .replaceAll('\\', '/')
    .split('/')
    .map((part) => encodeURIComponent(wellFormed(part)))
    .join('/');
}

function toInvocation({ startedAt, exitCode, status, error }: Report): object {
  const notifications =
    error === undefined ? [] : [{ level: 'error', message: { text: error.message }, descriptor: { id: error.code } }];
  return {
    executionSuccessful: status !== 'failed',
    exitCode,
    startTimeUtc: startedAt,
    toolExecutionNotifications: notifications,
  };
}
