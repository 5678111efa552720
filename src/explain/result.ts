import { fingerprint } from '../report/fingerprint.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import { findNotices, type Notice, type NoticeFacts } from './notices.ts';
import { nodesOf, type PlanNode, readPlan } from './plan.ts';
import { drawTree } from './tree.ts';

/** What is known about a plan that was made. */
export interface Explained extends NoticeFacts {
  readonly query: string;
  /** The plan is for any value of the parameters. */
  readonly generic: boolean;
  /** Role and tenant that it was made for, in words; empty for the one of the connection. */
  readonly as: string;
  /** What has to be known about how it was made. */
  readonly remarks: readonly string[];
}

/** The report of a plan: what stands out, the worst first, and the tree. */
export function explainResult(explained: Explained): CommandResult {
  const { plan, query, generic, as, remarks } = explained;
  const root = readPlan(plan);
  const notices = findNotices(explained);
  return {
    text: [summary(explained, root, notices), ...remarks].join('\n'),
    tables: [drawTree(root, notices)],
    findings: notices.map((notice, index) => toFinding(notice, index, root)),
    data: {
      query,
      generic,
      as: as === '' ? null : as,
      analysed: root.actual !== undefined,
      notices: notices.map(({ share, ...notice }, index) => ({
        number: index + 1,
        ...notice,
        share: Number(share.toFixed(3)),
      })),
      plan,
    },
  };
}

function summary({ plan, generic, as }: Explained, root: PlanNode, notices: readonly Notice[]): string {
  const time = plan['Execution Time'];
  const took =
    time === undefined
      ? `Planned, not run: cost ${quantity(Math.round(root.cost))}, about ${quantity(root.rows)} rows`
      : `Ran in ${quantity(time, 'milliseconds')}, planned in ${quantity(plan['Planning Time'] ?? 0, 'milliseconds')}; undone`;
  const how = generic ? ', for any value of the parameters' : '';
  const found =
    notices.length === 0
      ? 'Nothing stands out.'
      : `${notices.length} ${notices.length === 1 ? 'thing stands' : 'things stand'} out.`;
  return `${took}${how}${as === '' ? '' : `, ${as}`}. ${found}`;
}

/** Numbered as in the tree. */
function toFinding({ id, severity, node, message, advice, share }: Notice, index: number, root: PlanNode): Finding {
  const label = nodesOf(root).find((one) => one.id === node)?.label ?? 'the whole';
  const of = root.actual === undefined ? 'cost' : 'time';
  const part = share >= 0.005 ? `; ${quantity(Math.round(share * 100), 'percent')} of the ${of} is spent here` : '';
  return {
    check: id,
    severity,
    object: `${index + 1}. ${label}`,
    message: `${message}${part}`,
    remediation: advice,
    fingerprint: fingerprint(id, label),
    details: { node, share },
  };
}
