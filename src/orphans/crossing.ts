import { quoteIdentifier } from '../postgres/quote.ts';
import { counted } from '../report/quantity.ts';
import type { Check, Finding } from '../report/report.ts';
import type { Obstacle, TableFact } from './facts.ts';
import { equalityOf, type Pair, type Relation } from './relation.ts';
import { CHILD, childTable, PARENT, parentTable, refersCondition, sampleColumns } from './sql.ts';

/** A relation between rows of tenants: one of them may refer to a row of another tenant. */
export interface Crossing {
  readonly relation: Relation;
  /** The columns that say whose the rows are. */
  readonly tenant: Pair;
}

/** What was found out about one of them. */
export interface CrossingOutcome extends Crossing {
  readonly rows: number | undefined;
  readonly obstacle: Obstacle | undefined;
  /** Keys of a few rows, column by column as in `sampleColumns`. */
  readonly sample: readonly (readonly (string | null)[])[];
}

/**
 * Relations from a table of tenants to another, unless the key itself holds the tenant.
 * @param columns names of columns that say whose a row is, the likeliest first
 */
export function findCrossings(relations: readonly Relation[], columns: readonly string[]): Crossing[] {
  return relations.flatMap((relation) => {
    const [child, parent] = [relation.child, relation.parent].map((table) => tenantColumn(table, columns));
    if (child === undefined || parent === undefined) return [];
    if (relation.pairs.some((pair) => pair.child === child || pair.parent === parent)) return [];
    const operator = equalityOf(child, parent);
    return operator === undefined ? [] : [{ relation, tenant: { child, parent, operator } }];
  });
}

function tenantColumn({ columns }: TableFact, names: readonly string[]) {
  const [name] = names.filter((one) => columns.has(one));
  return name === undefined ? undefined : columns.get(name);
}

/** Rows and the rows they refer to, of different tenants. A row without a tenant is nobody's, and may be everybody's. */
function crossingFrom({ relation, tenant }: Crossing): string {
  const [own, theirs] = [
    `${CHILD}.${quoteIdentifier(tenant.child.name)}`,
    `${PARENT}.${quoteIdentifier(tenant.parent.name)}`,
  ];
  const differ = `not (${theirs} ${tenant.operator} ${own})`;
  return `from ${childTable(relation)} ${CHILD} join ${parentTable(relation)} ${PARENT} on ${refersCondition(relation)} where ${differ}`;
}

/** One row: how many rows refer to another tenant's. */
export function countCrossingSql(crossing: Crossing): string {
  return `select pg_catalog.count(*)::float8 as rows ${crossingFrom(crossing)}`;
}

function listCrossingSql(crossing: Crossing): string {
  return `select ${CHILD}.* ${crossingFrom(crossing)};`;
}

/** Keys of a few of the rows, as text. */
export function sampleCrossingSql(crossing: Crossing, limit: number): string {
  const columns = sampleColumns(crossing.relation).map((name) => `${CHILD}.${quoteIdentifier(name)}::pg_catalog.text`);
  return `select ${columns.join(', ')} ${crossingFrom(crossing)} limit ${limit}`;
}

const CHECK = 'cross-tenant-reference';
const TITLE = 'Rows refer to rows of their own tenant';
const CATEGORY = 'orphans';

/** The check as a whole, and one for each relation that could not be decided. */
export function crossingChecks(outcomes: readonly CrossingOutcome[]): Check[] {
  const open = outcomes.flatMap(({ relation, obstacle }): Check[] =>
    obstacle === undefined
      ? []
      : [
          {
            id: `${CHECK}/${relation.name}`,
            title: `${TITLE}: ${relation.name}`,
            category: CATEGORY,
            status: 'unknown',
            reason: obstacle.reason,
            ...(obstacle.remediation === undefined ? {} : { remediation: obstacle.remediation }),
          },
        ],
  );
  return [summary(outcomes, open.length), ...open];
}

function summary(outcomes: readonly CrossingOutcome[], open: number): Check {
  const about = { id: CHECK, title: TITLE, category: CATEGORY };
  if (outcomes.some(({ rows }) => (rows ?? 0) > 0)) return { ...about, status: 'failed' };
  if (outcomes.length === 0)
    return {
      ...about,
      status: 'not-applicable',
      reason: 'no table of tenants refers to another by a key without the tenant',
    };
  if (open === 0) return { ...about, status: 'passed' };
  return {
    ...about,
    status: 'unknown',
    reason: `${open} of ${counted(outcomes.length, 'relation')} could not be counted`,
  };
}

export function crossingFindings(outcomes: readonly CrossingOutcome[]): Finding[] {
  return outcomes.flatMap((outcome): Finding[] => {
    const { relation, rows = 0, sample } = outcome;
    if (rows === 0) return [];
    return [
      {
        check: CHECK,
        severity: 'critical',
        object: relation.name,
        message: `${counted(rows, 'row')} ${rows === 1 ? 'refers' : 'refer'} to a row of ${relation.parent.title} that belongs to another tenant`,
        remediation: `Let them refer to rows of their own tenant, then let the key hold the tenant: foreign key (${outcome.tenant.child.name}, …) references ${relation.parent.title} (${outcome.tenant.parent.name}, …).`,
        metric: rows,
        unit: 'count',
        details: { list: listCrossingSql(outcome), sampleColumns: sampleColumns(relation), sample },
      },
    ];
  });
}

export function crossingData({ relation, tenant, rows, obstacle }: CrossingOutcome): object {
  return {
    relation: relation.name,
    tenantColumns: [tenant.child.name, tenant.parent.name],
    rows: rows ?? null,
    reason: obstacle?.reason ?? null,
  };
}
