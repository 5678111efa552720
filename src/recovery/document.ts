import { quantity } from '../report/quantity.ts';
import { type Assessment, type Choice, type Incident, losses } from './incident.ts';

/** The incident report of the manual (8.5, step 5) in Markdown, with room for what only people know. */
export function incidentReport(incident: Incident): string {
  const { assessment, choice, deeds, underway, verification } = incident;
  return [
    `# Incident ${incident.id}`,
    '',
    '| | |',
    '|---|---|',
    `| database | ${cell(incident.database)} |`,
    `| happened | ${incident.happenedAt ?? 'not known'} |`,
    `| noticed | ${incident.openedAt} |`,
    `| recovered | ${verification?.passed === true ? verification.at : 'not yet'} |`,
    `| method | ${deeds.length === 0 ? 'none yet' : cell(deeds.map(({ method }) => method).join(', '))} |`,
    '',
    '## What was lost',
    '',
    ...(assessment === undefined ? ['Not assessed yet.'] : lossLines(assessment)),
    '',
    '## Who did what (audit_log)',
    '',
    ...(assessment === undefined ? ['Not assessed yet.'] : burstLines(assessment)),
    '',
    '## Ways back',
    '',
    ...(choice === undefined ? ['Not chosen yet.'] : choiceLines(choice)),
    '',
    '## What was done',
    '',
    ...(underway === undefined
      ? []
      : [
          `- begun ${underway.at}, **not finished**: ${underway.method}`,
          ...underway.expected.map((line) => `  - ${line}`),
        ]),
    ...(deeds.length === 0
      ? underway === undefined
        ? ['Nothing yet.']
        : []
      : deeds.flatMap(({ at, method, done, left }) => [
          `- ${at}: ${method}`,
          ...done.map((line) => `  - ${line}`),
          ...left.map((line) => `  - **not brought back**: ${line}`),
        ])),
    '',
    '## Verification',
    '',
    ...(verification === undefined
      ? ['Not verified yet.']
      : [
          `${verification.at}: ${verification.passed ? 'passed' : '**failed**'}`,
          '',
          ...verification.lines.map((line) => `- ${line}`),
        ]),
    '',
    '## Lessons learned',
    '',
    '- What made it possible:',
    '- What would have shortened it:',
    '- What changes, who does it, by when:',
    '',
  ].join('\n');
}

function lossLines(assessment: Assessment): string[] {
  const { isLost, backup, missing, changed, orphans, ledger, migrationsSince, unknown } = assessment;
  const lost = losses(assessment);
  return [
    ...(isLost ? ['**The database does not exist any more.**', ''] : []),
    backup === undefined
      ? 'There is no backup to compare with.'
      : `Compared with the backup ${backup.id} of ${backup.at}.`,
    '',
    ...(lost.length === 0
      ? ['No table has fewer rows than in the backup.']
      : [
          '| table | rows in the backup | rows now | lost |',
          '|---|--:|--:|--:|',
          ...lost.map(
            ({ table, rowsThen, rowsNow, estimated }) =>
              `| ${cell(table)} | ${quantity(rowsThen)} | ${rowsNow === undefined ? 'gone' : `${estimated ? 'about ' : ''}${quantity(rowsNow)}`} | ${quantity(rowsThen - (rowsNow ?? 0))} |`,
          ),
        ]),
    ...list('Objects that are gone', missing),
    ...list('Objects that are other than in the backup', changed),
    ...list(
      'Rows whose parent is gone',
      orphans.map(({ relation, rows }) => `${relation}: ${quantity(rows)}`),
    ),
    ...list('Migrations', ledger),
    ...list(
      'Migrations that the backup does not have',
      migrationsSince.map(({ file, at }) => `${file}, applied at ${at}`),
    ),
    ...list('Could not be looked at', unknown),
  ];
}

function burstLines({ bursts }: Assessment): string[] {
  if (bursts === undefined) return ['There is no audit_log that could be read.'];
  if (bursts.length === 0) return ['No row was deleted or changed in the time that was looked at.'];
  return [
    '| at | who | did | table | rows |',
    '|---|---|---|---|--:|',
    ...bursts.map(
      ({ at, by, action, table, rows }) =>
        `| ${at} | ${cell(by ?? '?')} | ${cell(action)} | ${cell(table)} | ${quantity(rows)} |`,
    ),
  ];
}

function choiceLines({ ways, recommended, byTheManual }: Choice): string[] {
  return [
    `Recommended: **${recommended ?? 'nothing is possible'}**. The manual's rule by age says: ${byTheManual}.`,
    '',
    '| way | possible | all of it | RTO | RPO | |',
    '|---|---|---|---|---|---|',
    ...ways.map(
      ({ method, possible, sufficient, rto, rpo, note }) =>
        `| ${method} | ${possible ? 'yes' : 'no'} | ${sufficient ? 'yes' : 'no'} | ${rto} | ${rpo} | ${cell(note)} |`,
    ),
  ];
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, '', ...lines.map((line) => `- ${line.replaceAll('\n', ' ')}`)];
}

/** Text of a cell: names are other people's. */
function cell(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
