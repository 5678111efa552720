import { counted as countOf, quantity } from '../report/quantity.ts';
import type { Check, CommandResult, Finding, ReportTable, Severity } from '../report/report.ts';
import { type CrossingOutcome, crossingChecks, crossingData, crossingFindings } from './crossing.ts';
import type { Obstacle, TableFact } from './facts.ts';
import type { Relation, Source, Unclear } from './relation.ts';
import type { Excluded } from './relations.ts';
import { listSql, sampleColumns } from './sql.ts';

/** What was found out about one relation. */
export interface RelationOutcome {
  readonly relation: Relation;
  /** Rows of the child, and what the planner thinks the count costs. */
  readonly estimate: { readonly rows: number; readonly cost: number } | undefined;
  readonly orphans: number | undefined;
  readonly obstacle: Obstacle | undefined;
  readonly sample: readonly (readonly (string | null)[])[];
}

export interface Look {
  readonly counted: readonly RelationOutcome[];
  readonly unclear: readonly Unclear[];
  readonly excluded: readonly Excluded[];
  readonly crossings: readonly CrossingOutcome[];
}

const CHECK = 'orphaned-rows';
const TITLE = 'Rows refer to rows that exist';
const CATEGORY = 'orphans';

/**
 * The findings of a count: a relation with orphans is one, and one whose rows refer to another tenant's; a relation that
 * could not be counted is an undecided check.
 */
export function countResult({ counted, unclear, excluded, crossings }: Look): CommandResult {
  const bad = counted.filter(({ orphans }) => (orphans ?? 0) > 0).toSorted((a, b) => b.orphans! - a.orphans!);
  const undecided = undecidedChecks(counted, unclear);
  const crossed = crossingFindings(crossings);
  return {
    text: `${describe(counted.length + unclear.length, bad.length, undecided.length, excluded.length)}${describeCrossings(crossed.length)}`,
    checks: [
      summaryCheck(counted.length + unclear.length, bad.length, undecided.length),
      ...undecided,
      ...crossingChecks(crossings),
    ],
    findings: [...bad.map(toFinding), ...crossed],
    data: {
      relations: counted.map(toData),
      unclear: unclear.map(unclearData),
      excluded,
      crossings: crossings.map(crossingData),
    },
    charts:
      bad.length === 0
        ? []
        : [
            {
              kind: 'bars',
              title: 'Orphaned rows',
              unit: 'count',
              bars: bad.map(({ relation, orphans }) => ({ label: relation.name, value: orphans! })),
            },
          ],
  };
}

/** Every relation that is known of, how it is known, and what counting it would cost. */
export function listResult({ counted, unclear, excluded }: Look): CommandResult {
  const rows = counted.map(({ relation, estimate, obstacle }) => [
    childOf(relation),
    parentOf(relation),
    relation.source,
    estimate === undefined ? '?' : quantity(estimate.rows),
    estimate === undefined ? '' : quantity(Math.round(estimate.cost)),
    obstacle?.reason ?? (relation.foreignKey === undefined ? '' : notes(relation)),
  ]);
  const open = unclear.map(({ name, child, reason }) => [
    name,
    '?',
    'convention',
    quantity(Math.max(0, child.rows)),
    '',
    reason,
  ]);
  const tables: ReportTable[] = [
    {
      title: 'Relations',
      columns: ['rows of', 'refer to', 'known from', 'about rows', 'cost', 'note'],
      rows: [...rows, ...open],
      alignRight: [3, 4],
    },
  ];
  if (excluded.length > 0) {
    tables.push({
      title: 'Excluded',
      columns: ['relation', 'reason'],
      rows: excluded.map((one) => [one.name, one.reason]),
    });
  }
  return {
    text: 'Nothing was counted. Cost is in the units of the planner: reading one page in sequence is 1.',
    tables,
    data: { relations: counted.map(toData), unclear: unclear.map(unclearData), excluded },
  };
}

/** Single quotes for a POSIX shell; names of tables may hold anything. */
function shellQuote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function summaryCheck(relations: number, findings: number, undecided: number): Check {
  const base = { id: CHECK, title: TITLE, category: CATEGORY };
  if (findings > 0) return { ...base, status: 'failed' };
  if (relations === 0) {
    return { ...base, status: 'not-applicable', reason: 'no table refers to another, by a foreign key or by its name' };
  }
  if (undecided === 0) return { ...base, status: 'passed' };
  return { ...base, status: 'unknown', reason: `${undecided} of ${relations} relations could not be counted` };
}

function undecidedChecks(counted: readonly RelationOutcome[], unclear: readonly Unclear[]): readonly Check[] {
  const open = [
    ...counted.flatMap(({ relation, obstacle, estimate }) =>
      obstacle === undefined ? [] : [{ name: relation.name, ...withEstimate(obstacle, estimate) }],
    ),
    ...unclear,
  ];
  return open.map(({ name, reason, remediation }) => ({
    id: `${CHECK}/${name}`,
    title: `${TITLE}: ${name}`,
    category: CATEGORY,
    status: 'unknown',
    reason,
    ...(remediation === undefined ? {} : { remediation }),
  }));
}

function withEstimate(obstacle: Obstacle, estimate: RelationOutcome['estimate']): Obstacle {
  if (estimate === undefined || estimate.rows === 0) return obstacle;
  return { ...obstacle, reason: `${obstacle.reason} (about ${quantity(estimate.rows)} rows)` };
}

function toFinding({ relation, orphans, estimate, sample }: RelationOutcome): Finding {
  const { name, parent, pairs } = relation;
  const about = (estimate?.rows ?? 0) > orphans! ? ` of about ${quantity(estimate!.rows)}` : '';
  const rows = orphans === 1 && about === '' ? 'row refers' : 'rows refer';
  const kind = pairs.every(({ child }) => child.notNull) ? 'delete' : 'set-null';
  const note = notes(relation);
  return {
    check: CHECK,
    severity: severityOf(relation),
    object: name,
    message: `${quantity(orphans!)}${about} ${rows} to a row of ${parent.title} that does not exist${note === '' ? '' : `; ${note}`}`,
    remediation: `aisha-db orphans ${shellQuote(name)} --fix ${kind}`,
    metric: orphans!,
    unit: 'count',
    details: { list: listSql(relation), sampleColumns: sampleColumns(relation), sample },
  };
}

/**
 * A validated key with orphans is a lie of the catalog: a dump of this database cannot be restored. Elsewhere nothing
 * promised that they do not exist.
 */
function severityOf({ foreignKey }: Relation): Severity {
  return foreignKey?.validated === true && foreignKey.enforced ? 'critical' : 'warning';
}

function notes({ foreignKey, source }: Relation): string {
  if (foreignKey === undefined) return source === 'convention' ? 'no foreign key says so, only its name' : '';
  const { name, validated, enforced, triggersDisabled } = foreignKey;
  if (!enforced) return `its foreign key ${name} is not enforced`;
  if (triggersDisabled) return `triggers of its foreign key ${name} are disabled`;
  return validated
    ? ''
    : `its foreign key ${name} is not valid: it was never checked for the rows that were there before it`;
}

function childOf({ child, name, parent }: Relation): string {
  return name.slice(0, name.lastIndexOf(` -> ${parent.title}(`)) || child.title;
}

function parentOf({ parent, pairs }: Relation): string {
  return `${parent.title}(${pairs.map((pair) => pair.parent.name).join(', ')})`;
}

function describe(relations: number, bad: number, undecided: number, excluded: number): string {
  const left = excluded === 0 ? '' : ` ${excluded} excluded by the configuration.`;
  if (relations > 0 && undecided === relations)
    return `${countOf(relations, 'relation')}: none could be counted.${left}`;
  const open = undecided === 0 ? '' : ` ${undecided} could not be counted.`;
  const found = bad === 0 ? 'no orphans were found' : `orphans in ${bad} of them`;
  return `${countOf(relations, 'relation')} looked at: ${found}.${open}${left}`;
}

function describeCrossings(crossed: number): string {
  return crossed === 0 ? '' : ` Rows of ${countOf(crossed, 'relation')} refer to rows of another tenant.`;
}

function toData({ relation, estimate, orphans, obstacle, sample }: RelationOutcome): object {
  const { name, source, child, parent, pairs, match, when, foreignKey } = relation;
  return {
    relation: name,
    source: source satisfies Source,
    table: child.title,
    columns: pairs.map((pair) => pair.child.name),
    parent: parent.title,
    parentColumns: pairs.map((pair) => pair.parent.name),
    match,
    when: when ?? null,
    constraint: foreignKey?.name ?? null,
    validated: foreignKey?.validated ?? null,
    estimatedRows: estimate?.rows ?? null,
    estimatedCost: estimate?.cost ?? null,
    orphans: orphans ?? null,
    reason: obstacle?.reason ?? null,
    sampleColumns: sampleColumns(relation),
    sample,
  };
}

function unclearData({ name, child, reason }: Unclear & { readonly child: TableFact }): object {
  return { relation: name, table: child.title, reason };
}
