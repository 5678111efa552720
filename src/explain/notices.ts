import { quoteQualified } from '../postgres/quote.ts';
import { quantity } from '../report/quantity.ts';
import { SEVERITIES, type Severity } from '../report/report.ts';
import { nodesOf, numberOf, type PlanNode, type RawPlan, readPlan } from './plan.ts';

/** What the catalog says about a table of a plan. */
export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  /** By statistics; -1 when it was never analysed (PostgreSQL 14 and later). */
  readonly rows: number;
  readonly bytes: number;
  /** Policies bind the role that the plan is for. */
  readonly policies: boolean;
}

/** Something that stands out. */
export interface Notice {
  /** Identifier of the rule, stable. */
  readonly id: string;
  readonly severity: Severity;
  /** Number of the node; 0 is the whole plan. */
  readonly node: number;
  readonly message: string;
  /** SQL or a sentence. */
  readonly advice: string;
  /** Part of the whole, 0 to 1: of its time with ANALYZE, of its cost otherwise. */
  readonly share: number;
}

export interface NoticeFacts {
  readonly plan: RawPlan;
  readonly tables: readonly TableFacts[];
  /** Functions that a node calls again for each row, though no column goes into them. */
  readonly callsPerRow: (node: PlanNode) => readonly string[];
}

/** From so many rows on reading a whole table is worth a word. */
const LARGE_ROWS = 10_000;
const LARGE_BYTES = 8 * 1024 * 1024;
/** An estimate is wrong from this factor on; fewer rows than this are not worth a word. */
const WRONG_FACTOR = 10;
const WRONG_ROWS = 100;
/** A filter that keeps less than a tenth reads what an index would not. */
const SELECTIVE = 0.1;
const MANY_LOOPS = 10_000;
/** Part of the time from which JIT and triggers stand out. */
const NOTABLE_SHARE = 0.25;
const NOTABLE_MS = 10;

type Rule = (node: PlanNode, plan: Reading) => readonly Omit<Notice, 'node' | 'share'>[];

interface Reading extends NoticeFacts {
  readonly root: PlanNode;
  table(node: PlanNode): TableFacts | undefined;
}

/** What stands out in a plan, the worst first. */
export function findNotices(facts: NoticeFacts): readonly Notice[] {
  const root = readPlan(facts.plan);
  const table = ({ relation }: PlanNode) =>
    facts.tables.find((one) => one.schema === relation?.schema && one.name === relation.name);
  const reading: Reading = { ...facts, root, table };
  const found = nodesOf(root).flatMap((node) =>
    RULES.flatMap((rule) =>
      rule(node, reading).map((notice) => ({ ...notice, node: node.id, share: shareOf(node, root) })),
    ),
  );
  return [...found, ...wholePlan(reading)].toSorted(
    (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || b.share - a.share || a.node - b.node,
  );
}

function shareOf(node: PlanNode, root: PlanNode): number {
  const whole = root.actual?.totalMs ?? root.cost;
  const below = node.children.reduce((sum, child) => sum + child.cost, 0);
  const own = node.actual === undefined ? Math.max(0, node.cost - below) : node.actual.selfMs;
  return whole === 0 ? 0 : Math.min(1, own / whole);
}

// ── rules, one for each thing that stands out ───────────────────────────────────────────────────────────────────────

/** A large table is read from end to end for a few of its rows (manual 9.2). */
const sequentialScan: Rule = (node, reading) => {
  if (node.type !== 'Seq Scan') return [];
  const facts = reading.table(node);
  const read = node.actual === undefined ? (facts?.rows ?? 0) : readRows(node);
  const isLarge = read >= LARGE_ROWS || (facts?.bytes ?? 0) >= LARGE_BYTES;
  const filter = conditionOf(node, 'Filter');
  if (!isLarge || read === 0) return [];
  const kept = node.actual === undefined ? node.rows : node.actual.rows;
  const size = facts === undefined || facts.bytes === 0 ? '' : ` (${quantity(facts.bytes, 'bytes')})`;
  const what = `reads all of ${titleOf(node)}${size}, about ${quantity(Math.round(read))} rows`;
  const loops = node.actual?.loops ?? 1;
  const again = loops > 1 ? `, ${quantity(loops)} times` : '';
  if (filter === undefined) {
    return [
      {
        id: 'sequential-scan',
        severity: 'info',
        message: `${what}${again}: nothing says which rows are wanted`,
        advice:
          'Say which rows are wanted in WHERE, or take fewer with LIMIT; an index does not help to read everything.',
      },
    ];
  }
  if (kept > read * SELECTIVE) {
    return [
      {
        id: 'sequential-scan',
        severity: 'info',
        message: `${what}${again}, and keeps ${quantity(Math.round(kept))}: an index would hardly help`,
        advice: 'Nothing is to be done unless fewer rows are needed.',
      },
    ];
  }
  return [
    {
      id: 'sequential-scan',
      severity: 'warning',
      message: `${what}${again}, to keep ${quantity(Math.round(kept))} for which ${filter}`,
      advice: indexAdvice(node, filter),
    },
  ];
};

/** The planner expected another number of rows: it may have chosen the wrong join or order. */
const misestimate: Rule = (node, reading) => {
  const factor = wrongBy(node);
  if (factor === undefined || node.children.some((child) => wrongBy(child) !== undefined)) return [];
  const { rows, loops } = node.actual!;
  const relation = node.relation;
  const each = loops > 1 ? ' per loop' : '';
  const facts = reading.table(node);
  const advice =
    relation === undefined
      ? 'Look at the columns that are compared: create statistics on those that depend on each other, then analyze.'
      : `analyze ${quoteQualified(relation.schema, relation.name)};`;
  return [
    {
      id: 'misestimate',
      severity: 'warning',
      message: `${node.label}: ${quantity(round(rows))} rows${each} where ${quantity(node.rows)} were expected, ${quantity(Math.round(factor))} times ${rows > node.rows ? 'more' : 'fewer'}${facts !== undefined && facts.rows < 0 ? '; the table was never analysed' : ''}`,
      advice,
    },
  ];
};

/** A sort, a hash or an aggregate did not fit into work_mem and went to disk. */
const spill: Rule = ({ raw, label }) => {
  const kilobytes = numberOf(raw, 'Sort Space Used');
  if (raw['Sort Space Type'] === 'Disk')
    return [spilled(`${label}: the sort wrote ${quantity(kilobytes * 1024, 'bytes')} to disk`, kilobytes)];
  const batches = numberOf(raw, 'Hash Batches');
  const memory = numberOf(raw, 'Peak Memory Usage');
  if (batches > 1)
    return [spilled(`${label}: the hash table went to disk in ${quantity(batches)} batches`, memory * batches)];
  const disk = numberOf(raw, 'Disk Usage');
  if (disk > 0) return [spilled(`${label}: the groups wrote ${quantity(disk * 1024, 'bytes')} to disk`, disk + memory)];
  return [];
};

/** Rows are read and thrown away, beyond what a sequential scan says already. */
const rowsRemoved: Rule = (node) => {
  if (node.actual === undefined || node.type === 'Seq Scan') return [];
  const { loops, rows } = node.actual;
  const found = ['Rows Removed by Filter', 'Rows Removed by Join Filter', 'Rows Removed by Index Recheck'].find(
    (field) =>
      numberOf(node.raw, field) * loops >= LARGE_ROWS && numberOf(node.raw, field) >= rows * (1 / SELECTIVE - 1),
  );
  if (found === undefined) return [];
  const removed = numberOf(node.raw, found) * loops;
  const condition =
    conditionOf(node, found.includes('Join') ? 'Join Filter' : 'Filter') ?? conditionOf(node, 'Recheck Cond');
  return [
    {
      id: 'rows-removed',
      severity: 'warning',
      message: `${node.label}: ${quantity(Math.round(removed))} rows are read and thrown away to keep ${quantity(round(rows * loops))}${condition === undefined ? '' : `, by ${condition}`}`,
      advice: node.type.includes('Bitmap')
        ? 'Raise work_mem so that the bitmap can name rows and not only pages.'
        : 'Let the index have the columns of the filter too, or a WHERE that implies it (a partial index).',
    },
  ];
};

/** The inner side of a nested loop runs again for every row of the outer side. */
const nestedLoop: Rule = (node) => {
  const [outer, inner] = node.children;
  if (node.type !== 'Nested Loop' || outer === undefined || inner === undefined) return [];
  const loops = node.actual === undefined ? outer.rows : (inner.actual?.loops ?? 0);
  const isScan = inner.type === 'Seq Scan' && loops >= 10;
  if (loops < MANY_LOOPS && !isScan) return [];
  // Memoize answers from memory, Materialize from a copy: only many rows of them matter.
  if (inner.type === 'Memoize' && !isScan) return [];
  const what = node.actual === undefined ? 'would run' : 'ran';
  return [
    {
      id: 'nested-loop',
      severity: isScan || node.actual !== undefined ? 'warning' : 'info',
      message: `${inner.label} ${what} ${quantity(Math.round(loops))} times, once for each row of ${outer.label}`,
      advice: isScan
        ? `Create an index on the columns of ${inner.relation === undefined ? 'the inner side' : titleOf(inner)} that the join compares.`
        : 'Find out why a hash join was not chosen: statistics that are out of date, work_mem that is small, types that differ.',
    },
  ];
};

/** A policy calls a function for each row; inside a scalar sub-select it is called once. */
const policyPerRow: Rule = (node, reading) => {
  if (reading.table(node)?.policies !== true) return [];
  const calls = [...new Set(reading.callsPerRow(node))];
  if (calls.length === 0) return [];
  return [
    {
      id: 'policy-per-row',
      severity: 'warning',
      message: `${titleOf(node)}: ${calls.join(', ')} is called again for every row by a policy or the query`,
      advice: `Write (select ${calls[0]}) in the policy: then it is called once.`,
    },
  ];
};

/** A policy or a condition runs a query for each row. */
const subPlanPerRow: Rule = (node) => {
  if (node.raw['Parent Relationship'] !== 'SubPlan') return [];
  const name = String(node.raw['Subplan Name'] ?? '');
  const loops = node.actual?.loops ?? 0;
  if (/^CTE /.test(name) || (node.actual !== undefined && loops < 1_000)) return [];
  return [
    {
      id: 'subplan-per-row',
      severity: node.actual === undefined ? 'info' : 'warning',
      message: `${name}: ${node.label} ${node.actual === undefined ? 'runs for each row' : `ran ${quantity(loops)} times`}`,
      advice: 'Write it as a join, or as IN over a query that does not name columns of the outer one.',
    },
  ];
};

/** An index-only scan that had to look at the table after all. */
const heapFetches: Rule = (node) => {
  const fetches = numberOf(node.raw, 'Heap Fetches');
  const rows = (node.actual?.rows ?? 0) * (node.actual?.loops ?? 0);
  if (fetches < 1_000 || fetches < rows / 2 || node.relation === undefined) return [];
  return [
    {
      id: 'heap-fetches',
      severity: 'info',
      message: `${node.label}: ${quantity(fetches)} rows had to be looked up in the table, since vacuum has not been there`,
      advice: `vacuum ${quoteQualified(node.relation.schema, node.relation.name)};`,
    },
  ];
};

/** Without statistics every estimate is a guess. */
const neverAnalysed: Rule = (node, reading) => {
  const facts = reading.table(node);
  if (facts === undefined || facts.rows >= 0 || node.relation === undefined) return [];
  if (nodesOf(reading.root).find((other) => reading.table(other) === facts)?.id !== node.id) return [];
  return [
    {
      id: 'never-analysed',
      severity: 'info',
      message: `${titleOf(node)} has no statistics: every number about it is a guess`,
      advice: `analyze ${quoteQualified(node.relation.schema, node.relation.name)};`,
    },
  ];
};

const RULES: readonly Rule[] = [
  sequentialScan,
  misestimate,
  spill,
  rowsRemoved,
  nestedLoop,
  policyPerRow,
  subPlanPerRow,
  heapFetches,
  neverAnalysed,
];

function wholePlan({ plan }: Reading): readonly Notice[] {
  const execution = plan['Execution Time'] ?? 0;
  const jit = plan.JIT?.Timing?.Total ?? 0;
  const stands = (ms: number) => ms >= NOTABLE_MS && ms >= execution * NOTABLE_SHARE;
  const triggers = (plan.Triggers ?? []).filter(({ Time = 0 }) => stands(Time));
  const whole = { node: 0, severity: 'warning' as const };
  return [
    ...(stands(jit)
      ? [
          {
            ...whole,
            id: 'jit',
            message: `compiling (JIT) took ${quantity(jit, 'milliseconds')} of ${quantity(execution, 'milliseconds')}`,
            advice: 'Raise jit_above_cost, or for the role of the application: alter role ROLE set jit = off.',
            share: execution === 0 ? 0 : jit / execution,
          },
        ]
      : []),
    ...triggers.map((trigger) => ({
      ...whole,
      id: 'trigger',
      message: `trigger ${trigger['Trigger Name']} of ${trigger.Relation} took ${quantity(trigger.Time ?? 0, 'milliseconds')} in ${quantity(trigger.Calls)} calls`,
      advice: 'Look at what the trigger does; for a foreign key, at the index on the columns that refer.',
      share: execution === 0 ? 0 : (trigger.Time ?? 0) / execution,
    })),
  ];
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function wrongBy({ actual, rows: expected, raw }: PlanNode): number | undefined {
  if (actual === undefined || actual.loops === 0 || raw['Parent Relationship'] === 'InitPlan') return undefined;
  if (Math.max(actual.rows, expected) < WRONG_ROWS) return undefined;
  const factor = Math.max(actual.rows, 1) / Math.max(expected, 1);
  const either = Math.max(factor, 1 / factor);
  return either >= WRONG_FACTOR ? either : undefined;
}

function readRows({ actual, raw }: PlanNode): number {
  return (actual?.rows ?? 0) + numberOf(raw, 'Rows Removed by Filter');
}

/** Kilobytes that would have sufficed, doubled: rows are larger in memory than on disk. */
function spilled(message: string, kilobytes: number): Omit<Notice, 'node' | 'share'> {
  const megabytes = Math.max(8, 2 ** Math.ceil(Math.log2((kilobytes * 2) / 1024)));
  return {
    id: 'spill',
    severity: 'warning',
    message,
    advice:
      megabytes > 256
        ? 'Sort or join fewer rows, or let an index deliver them in order; this much work_mem would be too much.'
        : `set local work_mem = '${megabytes}MB';`,
  };
}

function indexAdvice(node: PlanNode, filter: string): string {
  if (/~~\*? '%|~~\*? '_/.test(filter)) {
    return 'A pattern that begins with % needs a trigram index: create extension pg_trgm, then an index using gin (COLUMN gin_trgm_ops).';
  }
  if (/\b(lower|upper)\(/.test(filter))
    return 'Create an index on the expression of the filter, such as (lower(email)).';
  if (/::[a-z ]+\)* [=<>]/.test(filter) && !/'::/.test(filter)) {
    return 'The column is cast before it is compared: compare it with a value of its own type, or index the expression.';
  }
  return `Create an index on the columns that the filter compares, on ${titleOf(node)}; tenant_id first where it is one of them.`;
}

function conditionOf({ conditions }: PlanNode, name: string): string | undefined {
  const text = conditions.find((one) => one.name === name)?.text;
  return text === undefined || text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function titleOf({ relation, label }: PlanNode): string {
  return relation === undefined ? label : `${relation.schema}.${relation.name}`;
}

function round(rows: number): number {
  return rows >= 10 ? Math.round(rows) : Number(rows.toFixed(2));
}
