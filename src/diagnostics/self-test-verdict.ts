import { counted } from '../report/quantity.ts';
import type { Check, CommandResult, Finding } from '../report/report.ts';
import type { Definition } from './definition.ts';
import type { Obstacle, Outcome } from './facts.ts';
import type { SqlFixture } from './fixture.ts';
import { judge } from './judge.ts';
import { applySettings } from './settings.ts';
import { write } from './template.ts';

/** Whether a check told a planted defect from what only looks like one. */
export type Verdict = Tested | Obstacle;

interface Tested {
  readonly kind: 'tested';
  /** What was planted and not found. */
  readonly missed: readonly string[];
  /** What was found and is none. */
  readonly invented: readonly string[];
}

/** @param expected as the fixture writes it, with the names that things have here */
export function compareWithPlanted(
  definition: Definition,
  { settings, lists }: Pick<SqlFixture, 'settings' | 'lists'>,
  expected: readonly string[],
  outcome: Outcome,
): Verdict {
  if (outcome.kind !== 'facts') return outcome;
  if (lists) {
    const rows = outcome.rows.map((row) =>
      definition.table.map(({ column, format }) => write(row[column], format)).join(' | '),
    );
    const missed = expected.filter((text) => !rows.some((row) => row.includes(text)));
    return { kind: 'tested', missed, invented: [] };
  }
  const [check] = applySettings([definition], { checks: { [definition.id]: settings }, mutes: [] });
  const { findings, check: judged } = judge(check!, outcome, { mutes: [], today: '' });
  if (judged.status === 'unknown')
    return { kind: 'unknown', reason: judged.reason ?? '', remediation: judged.remediation };
  const found = findings.map(({ severity, object }) => `${severity} ${object}`);
  return { kind: 'tested', missed: without(expected, found), invented: without(found, expected) };
}

/** Each of `taken` takes one away: a check may find two things about one object. */
function without(list: readonly string[], taken: readonly string[]): string[] {
  const left = [...taken];
  return list.filter((item) => {
    const at = left.indexOf(item);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** What was tested on a private server. */
export interface StagedVerdicts {
  /** `15.18`; undefined when there is none */
  readonly version: string | undefined;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** The report of a self-test: what a check got wrong is critical, since nothing it says can be relied on. */
export function selfTestReport(
  definitions: readonly Definition[],
  planted: ReadonlyMap<string, Verdict>,
  staged: StagedVerdicts | undefined,
): CommandResult {
  const verdicts = new Map([...planted, ...(staged?.verdicts ?? [])]);
  const tested = [...new Map(definitions.map((definition) => [definition.id, definition])).values()].map(
    (definition) => {
      const verdict = verdicts.get(definition.id) ?? { kind: 'unknown', reason: 'was not tested' };
      return { definition, verdict, findings: findingsOf(definition, verdict) };
    },
  );
  const checks = tested.map(({ definition, verdict, findings }) => toCheck(definition, verdict, findings.length > 0));
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  return {
    checks,
    findings: tested.flatMap(({ findings }) => findings),
    text: `Of ${counted(checks.length, 'check')} ${count('passed')} find what was planted for them and ${count('failed')} do not; ${count('not-applicable')} cannot be tested here.${whereStaged(staged)} Nothing of it remains.`,
  };
}

function whereStaged(staged: StagedVerdicts | undefined): string {
  if (staged?.version === undefined) return '';
  return ` ${counted(staged.verdicts.size, 'of them was', 'of them were')} tested on a private server of PostgreSQL ${staged.version}, since what they look for cannot be rolled back.`;
}

function toCheck({ id, title, category }: Definition, verdict: Verdict, isWrong: boolean): Check {
  const base = { id, title, category };
  if (verdict.kind === 'tested') return { ...base, status: isWrong ? 'failed' : 'passed' };
  const { kind, reason, remediation } = verdict;
  return { ...base, status: kind, reason, ...(remediation === undefined ? {} : { remediation }) };
}

function findingsOf({ id, file }: Definition, verdict: Verdict): Finding[] {
  if (verdict.kind !== 'tested') return [];
  const remediation = `Rely on nothing that ${id} says until ${file} is corrected.`;
  const about = (message: string): Finding => ({ check: id, severity: 'critical', object: file, message, remediation });
  return [
    ...verdict.missed.map((what) => about(`misses what was planted: ${what}`)),
    ...verdict.invented.map((what) => about(`takes for a defect what is none: ${what}`)),
  ];
}
