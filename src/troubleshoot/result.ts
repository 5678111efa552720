import type { CommandResult, ReportTable } from '../report/report.ts';
import type { CheckAnswer } from './ask.ts';
import type { FoundError } from './errors-in-text.ts';
import type { Match } from './match.ts';

/** An error with everything that is known about it. */
export interface Explained {
  readonly error: FoundError;
  readonly sqlState: string | undefined;
  readonly matches: readonly { readonly match: Match; readonly answers: readonly CheckAnswer[] }[];
}

/** One text for people, tables of what the database answered, and the same as data. An error nobody knows is a finding. */
export function toResult(explained: readonly Explained[]): CommandResult {
  const unknown = explained.filter(({ matches }) => matches.length === 0);
  return {
    text: explained.map(describe).join('\n\n'),
    tables: explained.flatMap(({ matches }) => matches.flatMap(({ answers }) => answers.flatMap(toTable))),
    findings: unknown.map(({ error, sqlState }) => ({
      check: 'unknown-error',
      severity: 'warning' as const,
      object: firstLine(error.text),
      message: `the catalogue does not have this error${sqlState === undefined ? '' : ` (SQLSTATE ${sqlState})`}`,
      remediation:
        sqlState === undefined
          ? 'Give the whole message, with its SQLSTATE: \\set VERBOSITY verbose in psql shows it.'
          : 'PostgreSQL lists every SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html',
    })),
    data: { errors: explained.map(toData) },
  };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function describe({ error, matches }: Explained): string {
  const times = error.count === 1 ? '' : ` (${error.count} times)`;
  const heading = `${firstLine(error.text)}${times}`;
  return [heading, ...matches.map(({ match, answers }) => describeMatch(match, answers))].join('\n\n');
}

function describeMatch({ entry, by }: Match, answers: readonly CheckAnswer[]): string {
  const doubt = { wording: '', SQLSTATE: ', by its SQLSTATE', likeness: ', which is only like it' }[by];
  const state = entry.sqlStates.length === 0 ? '' : `SQLSTATE ${entry.sqlStates.join(', ')}; `;
  const manual = entry.manual === 'none' ? '' : `; manual ${entry.manual}`;
  return [
    `${entry.title} (${state}${entry.id}${doubt}${manual})`,
    'Causes:',
    ...entry.causes.map((cause, at) => `  ${at + 1}. ${cause}`),
    ...(answers.length === 0 ? [] : ['Asked the database:', ...answers.map(describeAnswer)]),
    'What to do:',
    ...entry.solutions.map((solution, at) => `  ${at + 1}. ${solution}`),
  ].join('\n');
}

function describeAnswer({ question, status, conclusion }: CheckAnswer): string {
  const prefix = status === 'not asked' ? 'not asked: ' : status === 'failed' ? 'could not be answered: ' : '';
  return `  - ${question} ${prefix}${conclusion}`;
}

function toTable({ question, columns, rows }: CheckAnswer): ReportTable[] {
  return rows.length === 0 ? [] : [{ title: question, columns, rows }];
}

function toData({ error, sqlState, matches }: Explained): Record<string, unknown> {
  return {
    text: error.text,
    count: error.count,
    sqlState: sqlState ?? null,
    entries: matches.map(({ match: { entry, named, by }, answers }) => ({
      id: entry.id,
      title: entry.title,
      sqlStates: entry.sqlStates,
      manual: entry.manual,
      by,
      named,
      causes: entry.causes,
      solutions: entry.solutions,
      checks: answers,
    })),
  };
}
