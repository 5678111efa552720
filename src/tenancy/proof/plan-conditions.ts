/** A node of EXPLAIN (FORMAT JSON), PostgreSQL docs 14.1. */
interface PlanNode {
  readonly 'Node Type'?: string;
  readonly 'Parent Relationship'?: string;
  readonly Plans?: readonly PlanNode[];
  readonly [field: string]: unknown;
}

/** What may keep a row out: conditions on the row, and those that keep the whole node from running. */
const CONDITIONS = [
  'Filter',
  'One-Time Filter',
  'Index Cond',
  'Recheck Cond',
  'Join Filter',
  'Hash Cond',
  'Merge Cond',
];

/** True when every row that a plan reads of its table has to pass a condition; a bare scan reaches them all. */
export function isConditional(plan: unknown): boolean {
  const root = (plan as readonly { readonly Plan: PlanNode }[])[0]?.Plan;
  return root !== undefined && isCovered(root);
}

function isCovered(node: PlanNode): boolean {
  if (CONDITIONS.some((field) => node[field] !== undefined)) return true;
  const sources = (node.Plans ?? []).filter(({ 'Parent Relationship': relation }) => !isAside(relation));
  // One side of a join that is narrowed narrows the other only by a condition, which the join has itself.
  return sources.length > 0 && sources.every(isCovered);
}

/**
 * How many rows the server expects that a statement, or what rules make of it, writes at once.
 * @param relations tables that count, by name
 */
export function mostRows(plans: unknown, relations: ReadonlySet<string>): number {
  const roots = (plans as readonly { readonly Plan: PlanNode }[]).map(({ Plan }) => Plan);
  const written = (node: PlanNode): number[] => [
    ...(node['Node Type'] === 'ModifyTable' && relations.has(String(node['Relation Name']))
      ? (node.Plans ?? []).map((one) => Number(one['Plan Rows'] ?? 0))
      : []),
    ...(node.Plans ?? []).flatMap(written),
  ];
  return Math.max(0, ...roots.flatMap(written));
}

/** Computed for a condition, not where the rows come from. */
function isAside(relation: string | undefined): boolean {
  return relation === 'InitPlan' || relation === 'SubPlan';
}
