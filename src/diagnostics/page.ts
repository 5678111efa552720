import type { ReportTable } from '../report/report.ts';
import { SEVERITIES } from '../report/report.ts';
import { CATEGORIES, type Category, type Definition } from './definition.ts';
import { describeNeed } from './needs.ts';

/** docs/diagnostics.md: every check, out of the headers. */
export function diagnosticsPage(definitions: readonly Definition[]): string {
  const categories = Object.keys(CATEGORIES) as Category[];
  const blocks = categories.flatMap((category) => {
    const members = definitions.filter((definition) => definition.category === category);
    if (members.length === 0) return [];
    return [`## ${category}`, `${sentence(CATEGORIES[category])}.`, ...members.map(drawCheck)];
  });
  const intro = [
    '# Checks',
    'What `aisha-db diagnose` looks at, one file of `diagnostics/` each. `aisha-db diagnose CHECK` runs one,',
    '`aisha-db diagnose --show CHECK` prints it as a script for psql. [How to add one](adding-a-check.md);',
    '[how to change thresholds and to mute findings](configuration.md#checks).',
  ];
  return `${[intro[0], intro.slice(1).join('\n'), ...blocks].join('\n\n')}\n`;
}

function drawCheck(definition: Definition): string {
  const { id, title, why, minPg, maxPg, needs, onRequest, remediation, manual, windowDays } = definition;
  const rows = [
    ['finds', describeSeverity(definition)],
    ...(windowDays === undefined ? [] : [['counters must cover', `${windowDays} days`]]),
    ...(needs.length === 0 ? [] : [['needs', needs.map(describeNeed).join('; ')]]),
    ...(minPg === undefined && maxPg === undefined ? [] : [['PostgreSQL', `${minPg ?? 13} to ${maxPg ?? 18}`]]),
    ...(onRequest === undefined ? [] : [['runs', `when named, or with \`--${onRequest}\``]]),
    ...(remediation === undefined ? [] : [['what to do', code(remediation)]]),
    ['manual', manual === 'none' ? 'not in it' : manual],
  ];
  return [
    `### ${id}`,
    `**${title}.** ${why}`,
    [
      '| | |',
      '|---|---|',
      ...rows.map(([key = '', value = '']) => `| ${key} | ${value.replaceAll('|', '\\|')} |`),
    ].join('\n'),
  ].join('\n\n');
}

/** `warning: every row`, `critical when percent >= 90, warning when percent >= 75`, `nothing: it lists`. */
export function describeSeverity({ severity, thresholds }: Definition): string {
  if (severity !== undefined) return severity;
  if (thresholds.length === 0) return 'nothing: it lists';
  const worstFirst = SEVERITIES.toReversed().flatMap((level) => thresholds.filter((one) => one.severity === level));
  return worstFirst.map((threshold) => `${threshold.severity} when ${threshold.text}`).join(', ');
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** `diagnose --list`. */
export function listTable(definitions: readonly Definition[]): ReportTable {
  return {
    columns: ['category', 'check', 'passes when', 'finds'],
    rows: definitions
      .toSorted((a, b) => order(a) - order(b))
      .map((definition) => [definition.category, definition.id, definition.title, describeSeverity(definition)]),
  };
}

function order({ category }: Definition): number {
  return Object.keys(CATEGORIES).indexOf(category);
}

/** `diagnose --show CHECK`: the check as a script that psql runs, with the settings its transaction has here. */
export function psqlScript(
  { header, sql, thresholds }: Definition,
  settings: Readonly<Record<string, string>>,
): string {
  const configured = thresholds.map((threshold) => `-- ${threshold.severity} when ${threshold.text}`);
  // The path is a list of identifiers; as one literal it would be one schema of an odd name.
  const literal = (name: string, value: string) =>
    name === 'search_path' ? value : `'${value.replaceAll("'", "''")}'`;
  const set = Object.entries(settings).map(([name, value]) => `set local ${name} = ${literal(name, value)};`);
  const query = sql.endsWith(';') ? sql : `${sql}\n;`;
  return [
    header,
    ...(configured.length === 0 ? [] : ['--', '-- As configured:', ...configured]),
    '',
    'begin read only;',
    ...set,
    '',
    query,
    '',
    'commit;',
  ].join('\n');
}
