import { AishaError } from '../errors.ts';
import type { PlanProblem } from './plan.ts';

/** Why the run must not start, or `undefined`. A changed history weighs more than a plan that can be mended. */
export function refusal(problems: readonly PlanProblem[]): AishaError | undefined {
  if (problems.length === 0) return undefined;
  const kind = problems.some((p) => p.kind === 'changed') ? 'changed' : 'plan';
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new AishaError(kind, `nothing was applied: ${count} in the plan`, {
    details: problems.flatMap((p) => [
      `${p.file}${p.line === undefined ? '' : `:${p.line}:${p.column ?? 1}`}: ${p.message}`,
      `  ${p.hint}`,
    ]),
    hint:
      kind === 'changed'
        ? 'See aisha-db status; aisha-db repair accepts what is right.'
        : 'Mend them all, then run again; aisha-db validate checks without a database.',
  });
}
