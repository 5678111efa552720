import { endOfParentheses, withoutStrings } from './sql-tokens.ts';

/** A node of EXPLAIN (FORMAT JSON). */
interface PlanNode {
  readonly Plans?: readonly PlanNode[];
  readonly 'Subplan Name'?: string;
  readonly 'Parent Relationship'?: string;
  readonly [field: string]: unknown;
}

/** Conditions that are held against every row of their node; a One-Time Filter is not. */
const CONDITIONS = ['Filter', 'Join Filter', 'Index Cond', 'Recheck Cond', 'Hash Cond', 'Merge Cond'] as const;

/** Syntax that looks like a call. */
const NO_FUNCTIONS = new Set(
  'and any array as between by case cast coalesce distinct else exists filter from greatest in is like least not nullif or over row some similar subplan then using values when where within with'.split(
    ' ',
  ),
);

export interface PlanCall {
  /** Name without the schema. */
  readonly name: string;
  readonly text: string;
}

/**
 * Calls that a plan makes again for every row although no column goes into them. What an InitPlan computes is computed
 * once, so everything below one is left out. The plan has to be VERBOSE: then columns are told from other names by
 * their prefix.
 */
export function callsPerRow(plan: unknown): PlanCall[] {
  const root = (plan as readonly { readonly Plan: PlanNode }[])[0]?.Plan;
  return root === undefined ? [] : callsOf(root);
}

function callsOf(node: PlanNode): PlanCall[] {
  const own = CONDITIONS.flatMap((field) => (typeof node[field] === 'string' ? callsIn(node[field]) : []));
  const below = (node.Plans ?? []).filter((child) => child['Parent Relationship'] !== 'InitPlan');
  return [...own, ...below.flatMap(callsOf)];
}

const CALL =
  /((?:"(?:[^"]|"")+"|[a-zA-Z_\x80-\uffff][\w$\x80-\uffff]*)\.)?("(?:[^"]|"")+"|[a-zA-Z_\x80-\uffff][\w$\x80-\uffff]*)\(/g;

function callsIn(condition: string): PlanCall[] {
  const text = withoutStrings(condition);
  return [...text.matchAll(CALL)].flatMap((match) => {
    const name = match[2]!.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"');
    const isCast = text.slice(0, match.index).endsWith('::');
    if (isCast || NO_FUNCTIONS.has(name.toLowerCase())) return [];
    const open = match.index + match[0].length - 1;
    const end = endOfParentheses(text, open);
    return readsColumn(text.slice(open, end)) ? [] : [{ name, text: condition.slice(match.index, end) }];
  });
}

/** `contacts.owner_id`, `(contacts.*)`; `pg_catalog.now()` is a call, `(InitPlan 1).col1` is no column. */
function readsColumn(text: string): boolean {
  return /(?:"(?:[^"]|"")+"|[\w$\x80-\uffff]+)\.(?:\*|"(?:[^"]|"")+"(?!\()|[a-zA-Z_\x80-\uffff][\w$\x80-\uffff]*(?![\w$\x80-\uffff]*\())/.test(
    text,
  );
}
