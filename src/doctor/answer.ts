import type { Check, CommandResult, Finding, Severity } from '../report/report.ts';

/** The questions in the order of the manual's flowchart (appendix E): each is only worth asking when those before it are answered. */
export const QUESTIONS = {
  target: 'Which database is it?',
  dns: 'Is the host known?',
  tcp: 'Does something listen there?',
  tls: 'Is the connection encrypted as it should be?',
  login: 'Is the log-in accepted?',
  database: 'Is it the right database?',
  sessions: 'Is there room for another connection?',
  pooler: 'Is it a connection of its own, or a pooler?',
  server: 'Is the version of the server supported?',
  writable: 'Can it be written to?',
  extensions: 'Are the extensions there?',
  privileges: 'Has the role the rights it needs?',
  ledger: 'Is the ledger of migrations sound?',
  tools: 'Do the client tools fit the server?',
  disk: 'Is there room for a backup?',
} as const;

export type QuestionId = keyof typeof QUESTIONS;

/** What was found out about one question. */
export interface Answer {
  readonly id: QuestionId;
  readonly status: 'ok' | 'bad' | 'unknown' | 'skipped';
  /** A phrase without a full stop. */
  readonly answer: string;
  /** What to do: a full sentence, or SQL. */
  readonly advice?: string | undefined;
  /** Of a bad one; critical when absent. */
  readonly severity?: Severity | undefined;
}

/** The questions after one that stopped the examination. */
export function skipFrom(id: QuestionId, reason: string): Answer[] {
  const ids = Object.keys(QUESTIONS) as QuestionId[];
  return ids.slice(ids.indexOf(id)).map((skipped) => ({ id: skipped, status: 'skipped', answer: reason }));
}

/** What the answers look like in a report: a check each, a finding for each that is bad. */
export function toResult(answers: readonly Answer[], exitCode: number | undefined): CommandResult {
  const bad = answers.filter(({ status }) => status === 'bad');
  const shown = answers.filter(({ status }) => status !== 'skipped');
  const left = answers.length - shown.length;
  return {
    text: summarise(answers.filter(isWrong), left),
    tables: [
      {
        columns: ['', 'question', 'answer'],
        rows: shown.map((answer) => [markOf(answer), QUESTIONS[answer.id], answer.answer]),
      },
    ],
    checks: answers.map(toCheck),
    findings: bad.map(toFinding),
    data: { answers: answers.map((answer) => ({ question: QUESTIONS[answer.id], ...answer })) },
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

const MARKS = { ok: 'ok', bad: 'WRONG', unknown: '?', skipped: '' } as const;

/** What is only worth knowing (a managed database's owner is never a superuser) is not called wrong. */
function isWrong({ status, severity }: Answer): boolean {
  return status === 'bad' && severity !== 'info';
}

function markOf(answer: Answer): string {
  return answer.status === 'bad' && !isWrong(answer) ? 'note' : MARKS[answer.status];
}

/** Where appendix E goes on once one can connect. */
const ELSEWHERE =
  'A query that fails: aisha-db troubleshoot "ERROR TEXT". Slow: aisha-db queries, indexes, vacuum. Wrong data: aisha-db orphans, diagnose.';

function summarise(bad: readonly Answer[], left: number): string {
  if (bad.length === 0) return `nothing is wrong with the connection and the set-up\n${ELSEWHERE}`;
  const rest = left === 0 ? '' : `; ${left} ${left === 1 ? 'question waits' : 'questions wait'} for that`;
  return `${bad.length} of ${Object.keys(QUESTIONS).length} answers ${bad.length === 1 ? 'is' : 'are'} wrong${rest}`;
}

function toCheck({ id, status, answer, advice }: Answer): Check {
  const statuses = { ok: 'passed', bad: 'failed', unknown: 'unknown', skipped: 'not-applicable' } as const;
  return {
    id,
    title: QUESTIONS[id],
    category: 'doctor',
    status: statuses[status],
    reason: answer,
    ...(advice === undefined ? {} : { remediation: advice }),
  };
}

function toFinding({ id, answer, advice, severity = 'critical' }: Answer): Finding {
  return {
    check: id,
    severity,
    object: QUESTIONS[id],
    message: answer,
    ...(advice === undefined ? {} : { remediation: advice }),
  };
}
