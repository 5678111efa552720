/** A node as EXPLAIN (FORMAT JSON, VERBOSE) writes it. */
export type RawNode = Readonly<Record<string, unknown>> & { readonly Plans?: readonly RawNode[] };

/** What EXPLAIN (FORMAT JSON) returns, without the array around it. */
export interface RawPlan {
  readonly Plan: RawNode;
  /** Milliseconds. */
  readonly 'Planning Time'?: number;
  readonly 'Execution Time'?: number;
  readonly JIT?: { readonly Functions?: number; readonly Timing?: { readonly Total?: number } };
  readonly Triggers?: readonly {
    readonly 'Trigger Name': string;
    readonly Relation: string;
    readonly Time?: number;
    readonly Calls: number;
  }[];
}

/** What a node really did; only with ANALYZE. */
interface Actual {
  /** For one loop. */
  readonly rows: number;
  readonly loops: number;
  /** All loops together, in milliseconds, with what is below. */
  readonly totalMs: number;
  /** Without what is below. */
  readonly selfMs: number;
}

export interface PlanNode {
  /** From 1, in the order of the tree. */
  readonly id: number;
  readonly type: string;
  readonly label: string;
  readonly relation: { readonly schema: string; readonly name: string } | undefined;
  /** For one loop. */
  readonly rows: number;
  /** Planner's cost of all loops as far as the planner knows them, with what is below. */
  readonly cost: number;
  /** Undefined without ANALYZE; a node that was never reached has no loops. */
  readonly actual: Actual | undefined;
  /** `Filter`, `Index Cond`, ... */
  readonly conditions: readonly { readonly name: string; readonly text: string }[];
  readonly raw: RawNode;
  readonly children: readonly PlanNode[];
}

const CONDITIONS = [
  'Index Cond',
  'Recheck Cond',
  'TID Cond',
  'Hash Cond',
  'Merge Cond',
  'Join Filter',
  'Filter',
  'One-Time Filter',
  'Sort Key',
  'Group Key',
] as const;

/** The tree with what has to be computed from it. */
export function readPlan({ Plan }: RawPlan): PlanNode {
  let next = 1;
  const read = (raw: RawNode, workers: number): PlanNode => {
    const id = next++;
    // Loops of processes that run side by side are no repetitions.
    const below = raw['Workers Launched'] === undefined ? workers : numberOf(raw, 'Workers Launched') + 1;
    const children = (raw.Plans ?? []).map((child) => read(child, below));
    return {
      id,
      type: String(raw['Node Type']),
      label: labelOf(raw),
      relation: relationOf(raw),
      rows: numberOf(raw, 'Plan Rows'),
      cost: numberOf(raw, 'Total Cost'),
      actual: actualOf(raw, workers, children),
      conditions: CONDITIONS.flatMap((name) => (raw[name] === undefined ? [] : [{ name, text: textOf(raw[name]) }])),
      raw,
      children,
    };
  };
  return read(Plan, 1);
}

/** The node and all below it, in the order of the tree. */
export function nodesOf(root: PlanNode): readonly PlanNode[] {
  return [root, ...root.children.flatMap(nodesOf)];
}

export function numberOf(raw: RawNode, field: string): number {
  return typeof raw[field] === 'number' ? (raw[field] as number) : 0;
}

/** The plan changes rows. */
export function writes(root: PlanNode): boolean {
  return nodesOf(root).some(({ type }) => type === 'ModifyTable' || type === 'LockRows');
}

function actualOf(raw: RawNode, workers: number, children: readonly PlanNode[]): Actual | undefined {
  if (raw['Actual Loops'] === undefined) return undefined;
  const loops = numberOf(raw, 'Actual Loops');
  const totalMs = (numberOf(raw, 'Actual Total Time') * loops) / Math.min(workers, Math.max(1, loops));
  const below = children.reduce((sum, { actual }) => sum + (actual?.totalMs ?? 0), 0);
  return { rows: numberOf(raw, 'Actual Rows'), loops, totalMs, selfMs: Math.max(0, totalMs - below) };
}

function relationOf(raw: RawNode): PlanNode['relation'] {
  const { Schema: schema, 'Relation Name': name } = raw;
  return typeof schema === 'string' && typeof name === 'string' ? { schema, name } : undefined;
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** As EXPLAIN's own text says it: `Parallel Index Scan using i on public.t x`. */
function labelOf(raw: RawNode): string {
  const type = String(raw['Node Type']);
  const text = (field: string): string => (typeof raw[field] === 'string' ? (raw[field] as string) : '');
  const on = text('Relation Name') || text('CTE Name') || text('Function Name') || text('Tuplestore Name');
  const schema = text('Relation Name') && text('Schema') ? `${text('Schema')}.` : '';
  const alias = text('Alias') && text('Alias') !== on ? ` ${text('Alias')}` : '';
  const name = {
    ModifyTable: text('Operation'),
    Aggregate:
      { Hashed: 'HashAggregate', Sorted: 'GroupAggregate', Mixed: 'MixedAggregate' }[text('Strategy')] ?? 'Aggregate',
    SetOp: `SetOp ${text('Command')}`,
  }[type];
  const join = text('Join Type');
  const joined = join === '' || join === 'Inner' ? type : `${type.replace(/ Join$/, '')} ${join} Join`;
  return [
    raw['Parallel Aware'] === true ? 'Parallel ' : '',
    text('Partial Mode') === 'Partial' ? 'Partial ' : '',
    name ?? joined,
    text('Index Name') && ` using ${text('Index Name')}`,
    on && ` on ${schema}${on}${alias}`,
    text('Subplan Name') && ` (${text('Subplan Name')})`,
  ].join('');
}
