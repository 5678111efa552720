import type { Finding, Report, Reporter } from '../report.ts';
import { type CheckOutcome, outcomes } from '../summary.ts';
import { xmlAttribute, xmlText } from '../xml.ts';

/**
 * For CI servers: a check is a test case, its findings are its failure. What could not be decided is an error, never a
 * pass; a finding of severity info does not fail a check that passed. Its elements and attributes are those that the
 * plug-ins of Jenkins accept (schema junit-10): the whole has no count of what was skipped.
 */
export const render: Reporter = (report) => {
  const cases = [...outcomes(report).map((outcome) => toCase(outcome, report)), ...runCase(report)];
  const count = (element: string) => cases.filter((text) => text.includes(`<${element}`)).length;
  const totals = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}"`;
  const time = seconds(report);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="aisha-db" ${totals} time="${time}">`,
    `  <testsuite name="${xmlAttribute(`aisha-db ${report.command}`)}" ${totals} skipped="${count('skipped')}" time="${time}" timestamp="${xmlAttribute(report.startedAt)}">`,
    ...drawProperties(report),
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
};

/** Which database it was: results of several are shown side by side. */
function drawProperties({ target, version }: Report): string[] {
  const { host, port, database, user, serverVersion } = target ?? {};
  const facts = Object.entries({ host, port, database, user, serverVersion, version });
  const properties = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`      <property name="${name}" value="${xmlAttribute(String(value))}"/>`],
  );
  return ['    <properties>', ...properties, '    </properties>'];
}

function toCase(outcome: CheckOutcome, report: Report): string {
  const name = outcome.title === outcome.id ? outcome.id : `${outcome.id}: ${outcome.title}`;
  return element(name, report, verdict(outcome));
}

/** The run itself is a case when it failed, and when there is no other: an empty suite looks like a broken one. */
function runCase(report: Report): string[] {
  const { error } = report;
  if (error !== undefined) {
    const body = [
      error.message,
      ...(error.details ?? []),
      ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]),
    ];
    return [element('run', report, problem('error', error.code, error.message, body.join('\n')))];
  }
  return report.checks.length + report.findings.length === 0 ? [element('run', report, '')] : [];
}

function element(name: string, report: Report, content: string): string {
  const attributes = `classname="${xmlAttribute(`aisha-db.${report.command}`)}" name="${xmlAttribute(name)}"`;
  return content === ''
    ? `    <testcase ${attributes}/>`
    : `    <testcase ${attributes}>\n      ${content}\n    </testcase>`;
}

function verdict({ status, reason, remediation, findings }: CheckOutcome): string {
  const failing = findings.filter((finding) => finding.severity !== 'info' || status === 'failed');
  const first = failing[0];
  if (first !== undefined) {
    const message = failing.length === 1 ? describe(first) : `${failing.length} findings, first: ${describe(first)}`;
    return problem('failure', worst(failing), message, failing.map(explain).join('\n'));
  }
  if (status === 'unknown') {
    return problem(
      'error',
      'unknown',
      reason ?? 'could not be decided',
      remediation === undefined ? '' : `fix: ${remediation}`,
    );
  }
  if (status === 'failed') return problem('failure', 'failed', reason ?? 'failed', '');
  if (status === 'not-applicable') return `<skipped message="${xmlAttribute(reason ?? 'not applicable')}"/>`;
  return findings.length === 0 ? '' : `<system-out>${xmlText(findings.map(explain).join('\n'))}</system-out>`;
}

function problem(tag: 'failure' | 'error', type: string, message: string, body: string): string {
  return `<${tag} type="${xmlAttribute(type)}" message="${xmlAttribute(message)}">${xmlText(body)}</${tag}>`;
}

function worst(findings: readonly Finding[]): string {
  return (['critical', 'warning'] as const).find((level) => findings.some((one) => one.severity === level)) ?? 'info';
}

function describe({ object, message }: Finding): string {
  return `${object}: ${message}`;
}

function explain(finding: Finding): string {
  const fix = finding.remediation === undefined ? '' : `\n  fix: ${finding.remediation}`;
  return `${finding.severity}: ${describe(finding)}${fix}`;
}

function seconds({ durationMs }: Report): string {
  return (durationMs / 1000).toFixed(3);
}
