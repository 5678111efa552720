import type { Invocation, Location, Log, Notification, ReportingDescriptor, Result } from 'sarif';
import { fingerprintOf } from '../fingerprint.ts';
import { jsonText } from '../json-text.ts';
import { wellFormed } from '../plain.ts';
import type { Check, Finding, Report, Reporter, Severity } from '../report.ts';
import { type CheckOutcome, outcomes } from '../summary.ts';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  warning: 'warning',
  info: 'note',
};

/** An object may be the whole text of a query; of an address that much tells it from others. */
const LONGEST_NAME = 120;

/**
 * SARIF 2.1.0 (OASIS), with what GitHub's code scanning asks for beyond it ("SARIF support for code scanning"): every
 * check that was asked is a rule, whether or not it fired, and every result has a place, a line and a fingerprint.
 */
export const render: Reporter = (report) => {
  const asked = outcomes(report);
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'aisha-db', version: report.version, rules: asked.map(toRule) } },
        // What comes before the last slash tells analyses apart: one upload does not close the alerts of another.
        automationDetails: { id: `aisha-db ${report.command}/${report.target?.database ?? 'files'}/` },
        columnKind: 'unicodeCodePoints',
        invocations: [toInvocation(report)],
        results: numbered(asked.flatMap((outcome, index) => toResults(outcome, index, report))),
      },
    ],
  };
  return jsonText(log);
};

function toRule({ id, title, description = title, category }: CheckOutcome): ReportingDescriptor {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: description },
    help: { text: description },
    properties: { tags: category === undefined ? ['postgresql'] : ['postgresql', category] },
  };
}

function toResults(outcome: CheckOutcome, ruleIndex: number, report: Report): Result[] {
  if (outcome.status === 'unknown' && outcome.findings.length === 0) return [toOpenResult(outcome, ruleIndex, report)];
  return outcome.findings.map((finding) => toResult(finding, ruleIndex, report));
}

function toResult(finding: Finding, ruleIndex: number, report: Report): Result {
  const { check, severity, message, remediation, metric, unit } = finding;
  return {
    ruleId: check,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: withFix(message, remediation) },
    locations: [toLocation(finding, report)],
    partialFingerprints: { 'aisha-db/v1': fingerprintOf(finding) },
    ...(metric === undefined ? {} : { properties: { metric, ...(unit === undefined ? {} : { unit }) } }),
  };
}

/** A check nobody could decide: neither passed nor failed. */
function toOpenResult({ id, title, reason, remediation }: Check, ruleIndex: number, report: Report): Result {
  const text = `${title}: could not be decided${reason === undefined ? '' : ` (${reason})`}`;
  return {
    ruleId: id,
    ruleIndex,
    kind: 'open',
    level: 'none',
    message: { text: withFix(text, remediation) },
    locations: [ofDatabase(id, report)],
    partialFingerprints: { 'aisha-db/v1': fingerprintOf({ check: id, object: '' }) },
  };
}

function withFix(text: string, remediation: string | undefined): string {
  return remediation === undefined ? text : `${text}\n\nFix: ${remediation}`;
}

/**
 * GitHub compares `primaryLocationLineHash` alone and shows results that share it as one alert: those of one run are told
 * apart by their number. `aisha-db/v1` is the fingerprint of the other formats.
 */
function numbered(results: readonly Result[]): Result[] {
  const seen = new Map<string, number>();
  return results.map((result) => {
    const fingerprint = result.partialFingerprints?.['aisha-db/v1'] ?? '';
    const number = (seen.get(fingerprint) ?? 0) + 1;
    seen.set(fingerprint, number);
    const partialFingerprints = { 'aisha-db/v1': fingerprint, primaryLocationLineHash: `${fingerprint}:${number}` };
    return { ...result, partialFingerprints };
  });
}

/** A finding about a file names it in its details, relative to the working directory. */
function toLocation({ object, details }: Finding, report: Report): Location {
  const { file, line, column } = details ?? {};
  if (typeof file !== 'string') return ofDatabase(object, report);
  const startLine = typeof line === 'number' ? line : 1;
  const region =
    typeof line === 'number' && typeof column === 'number' ? { startLine, startColumn: column } : { startLine };
  return {
    physicalLocation: { artifactLocation: { uri: toUri(file.replaceAll('\\', '/').split('/')) }, region },
    logicalLocations: [{ fullyQualifiedName: object }],
  };
}

/** GitHub refuses a result without a file and a line: an object of a database gets the path DATABASE/OBJECT. */
function ofDatabase(object: string, { target }: Report): Location {
  const uri = toUri([target?.database ?? 'database', object]);
  return {
    physicalLocation: { artifactLocation: { uri }, region: { startLine: 1 } },
    logicalLocations: [{ fullyQualifiedName: object }],
  };
}

function toUri(parts: readonly string[]): string {
  return parts.map((part) => encodeURIComponent(wellFormed([...part].slice(0, LONGEST_NAME).join('')))).join('/');
}

function toInvocation({ startedAt, durationMs, exitCode, status, error }: Report): Invocation {
  const notifications: Notification[] =
    error === undefined ? [] : [{ level: 'error', message: { text: error.message }, descriptor: { id: error.code } }];
  return {
    executionSuccessful: status !== 'failed',
    exitCode,
    startTimeUtc: startedAt,
    endTimeUtc: new Date(Date.parse(startedAt) + durationMs).toISOString(),
    toolExecutionNotifications: notifications,
  };
}
