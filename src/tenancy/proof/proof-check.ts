import type { Check } from '../../report/report.ts';
import type { NamedCheck } from '../load-checks.ts';
import { displayPath } from '../names.ts';
import type { Proof } from './prove.ts';

/** Name of the check that the proof is. */
export const PROOF_CHECK = 'isolation-proof';

/** The proof as one more check: a refuted table is a finding, one that cannot be proved stays open. */
export function proofCheck({ tables, ways = [] }: Proof): NamedCheck {
  const all = [
    ...tables.map((one) => ({ ...one, object: displayPath(one.table) })),
    ...ways.map((way) => ({ ...way, level: 'rows' })),
  ];
  const refuted = all.filter(({ verdict }) => verdict === 'refuted');
  const open = all.filter(({ verdict }) => verdict === 'not-provable');
  return {
    id: PROOF_CHECK,
    title: 'no tenant reaches the rows of another',
    judge: () => ({
      findings: refuted.map(({ object, level, reason = '', statement }) => ({
        severity: 'critical',
        object,
        message: `isolation is refuted, ${reason}`,
        advice: `What gets through: ${statement}`,
        details: { level, statement },
      })),
      open: open.map(({ object, reason = '' }) => ({ object, reason })),
    }),
  };
}

/** Whether the proof may be believed at all. */
export function controlCheck({ failedControl }: Proof): Check {
  const about = {
    id: 'negative-controls',
    title: 'the proof refutes what is open on purpose, and proves what is sound',
  };
  return failedControl === undefined
    ? { ...about, status: 'passed' }
    : { ...about, status: 'unknown', reason: failedControl };
}

/** Whether the rows of the proof are gone. */
export function leftBehindCheck({ leftBehind = [], unchecked = [] }: Proof): NamedCheck {
  return {
    id: 'nothing-left-behind',
    title: 'nothing is left of the rows of the proof',
    judge: () => ({
      findings: leftBehind.map((object) => ({
        severity: 'critical',
        object,
        message: 'rows of the proof are still there: something writes outside of its transaction',
        advice: 'Look for triggers that use dblink or another connection; delete rows whose text begins with probe-.',
      })),
      open: unchecked,
    }),
  };
}
