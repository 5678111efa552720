import { quantity } from '../report/quantity.ts';
import type { ReportTable } from '../report/report.ts';
import { shorten } from '../report/text-width.ts';
import type { Notice } from './notices.ts';
import type { PlanNode } from './plan.ts';

/** Columns for the nodes: with the numbers beside them 80 columns are not exceeded. */
const NODE_WIDTH = 44;
const PLAN_NODE_WIDTH = 58;
const SHOWN = new Set(['Filter', 'Join Filter', 'Index Cond', 'Hash Cond', 'Merge Cond', 'Recheck Cond', 'Sort Key']);

/** The plan as a tree that fits 80 columns; nodes that stand out carry the number of their notice. */
export function drawTree(root: PlanNode, notices: readonly Notice[]): ReportTable {
  const isAnalysed = root.actual !== undefined;
  const width = isAnalysed ? NODE_WIDTH : PLAN_NODE_WIDTH;
  const rows = drawNode(root, '', '', { notices, width, isAnalysed });
  const columns = isAnalysed ? ['plan', 'expected', 'rows', 'time', '!'] : ['plan', 'rows', 'cost', '!'];
  return { title: 'Plan', columns, rows, alignRight: isAnalysed ? [1, 2, 3] : [1, 2] };
}

interface Drawing {
  readonly notices: readonly Notice[];
  readonly width: number;
  readonly isAnalysed: boolean;
}

function drawNode(node: PlanNode, lead: string, below: string, drawing: Drawing): string[][] {
  const { notices, width, isAnalysed } = drawing;
  const marks = notices.flatMap((notice, index) => (notice.node === node.id ? [String(index + 1)] : [])).join(' ');
  const { actual } = node;
  const total = (rows: number) => quantity(Math.round(rows * (actual?.loops ?? 1)));
  const numbers = isAnalysed
    ? actual === undefined || actual.loops === 0
      ? [quantity(node.rows), 'never run', '']
      : [total(node.rows), total(actual.rows), quantity(actual.totalMs, 'milliseconds')]
    : [quantity(node.rows), quantity(Math.round(node.cost))];
  const bar = node.children.length > 0 ? '│ ' : '  ';
  const details = node.conditions
    .filter(({ name }) => SHOWN.has(name))
    .map(({ name, text }) => [
      cutTo(`${below}${bar} `, `${name.toLowerCase()}: ${text}`, width),
      ...numbers.map(() => ''),
      '',
    ]);
  const children = node.children.flatMap((child, index) => {
    const isLast = index === node.children.length - 1;
    return drawNode(child, `${below}${isLast ? '└ ' : '├ '}`, `${below}${isLast ? '  ' : '│ '}`, drawing);
  });
  return [[cutTo(lead, node.label, width), ...numbers, marks], ...details, ...children];
}

/** Of a deep tree the lead is cut, never the name of a node. */
function cutTo(lead: string, text: string, width: number): string {
  const room = Math.max(20, width - lead.length);
  const kept = lead.slice(Math.max(0, lead.length - (width - 20)));
  return `${kept}${shorten(text.replaceAll(/\s+/g, ' '), room)}`;
}
