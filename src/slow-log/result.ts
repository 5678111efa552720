import { counted, quantity } from '../report/quantity.ts';
import type { Check, CommandResult, Finding, ReportTable } from '../report/report.ts';
import {
  describeThreshold,
  type Effective,
  effectiveValues,
  howToAllow,
  type SlowLogFacts,
  type SlowLogPlan,
  type Threshold,
} from './plan.ts';

const SHOWN = { id: 'slow-query-log', title: 'Slow statements are written to the log' } as const;
const CHANGED = { id: 'slow-log-set', title: 'The threshold of the slow log is set' } as const;

/** What happened to a plan. */
export type Outcome =
  | { readonly kind: 'nothing to do' }
  | { readonly kind: 'would change' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The values of every role that uses the database, and who is not logged at all. */
export function shownResult(facts: SlowLogFacts): CommandResult {
  const values = effectiveValues(facts);
  const silent = values.filter(({ threshold }) => threshold !== undefined && threshold < 0);
  const own = values.find(({ role }) => role === facts.role)!;
  return {
    text: `New sessions of ${facts.role} log statements from: ${describeThreshold(own.threshold)} (${own.from})`,
    checks: [{ ...SHOWN, status: silent.length > 0 ? 'failed' : 'passed' }],
    findings: silent.map(notLogged),
    tables: [valuesTable(values)],
    data: factsData(facts, values),
  };
}

function notLogged({ role, from }: Effective): Finding {
  return {
    check: SHOWN.id,
    severity: 'info',
    object: `role ${role}`,
    message: `no statement of it is logged for being slow (${from})`,
    remediation: 'aisha-db slow-log set 1s --dry-run',
  };
}

/** The plan, in lines: what is run, what it changes, when, and for whom not. */
export function describePlan(plan: SlowLogPlan, callsADay: number | undefined): readonly string[] {
  const inherited = 'nothing of its own';
  const before = plan.before === undefined ? inherited : describeThreshold(plan.before);
  const after = plan.after === undefined ? inherited : describeThreshold(plan.after);
  return [
    plan.statement,
    `value: ${before} -> ${after}`,
    `takes effect ${plan.effect}`,
    ...(callsADay === undefined
      ? []
      : [`about ${counted(Math.round(callsADay), 'line')} a day, by the averages of pg_stat_statements`]),
    ...(plan.after === 0 ? ['every statement is logged: a busy server writes more log than data'] : []),
    ...plan.shadowed.map(
      ({ role, from, threshold }) =>
        `not for ${role}: its own value is stronger, ${describeThreshold(threshold)} (${from})`,
    ),
  ];
}

/** The plan and what became of it; `facts` are those after it. */
export function changedResult(
  facts: SlowLogFacts,
  plan: SlowLogPlan,
  outcome: Outcome,
  callsADay: number | undefined,
): CommandResult {
  const values = effectiveValues(facts);
  const check: Check = { ...CHANGED, status: outcome.kind === 'refused' ? 'failed' : 'passed' };
  return {
    text: summary(facts, plan, outcome),
    checks: [check],
    findings: outcome.kind === 'refused' ? [refused(facts, plan, outcome.reason)] : [],
    tables: [planTable(plan, callsADay), valuesTable(values)],
    data: {
      ...factsData(facts, values),
      statement: plan.statement,
      before: plan.before ?? null,
      after: plan.after ?? null,
      outcome: outcome.kind,
      effect: plan.effect,
      shadowed: plan.shadowed,
      callsADay: callsADay ?? null,
    },
  };
}

function summary(facts: SlowLogFacts, plan: SlowLogPlan, outcome: Outcome): string {
  const open = facts.roles.reduce((sum, { sessions }) => sum + sessions, 0);
  const kept =
    plan.scope.kind === 'server' || open === 0
      ? ''
      : `; ${counted(open, 'open session')} may keep another value until they reconnect`;
  if (outcome.kind === 'refused') return `Nothing was changed: ${outcome.reason}`;
  if (outcome.kind === 'nothing to do') return 'Nothing to do: it is set already';
  return `${outcome.kind === 'changed' ? 'Changed' : 'Would be changed'}: ${plan.statement.replace(/;$/, '')}${kept}`;
}

function refused(facts: SlowLogFacts, plan: SlowLogPlan, reason: string): Finding {
  return {
    check: CHANGED.id,
    severity: 'warning',
    object: plan.scope.kind === 'role' ? `role ${plan.scope.role}` : `${plan.scope.kind} ${facts.database}`,
    message: `${facts.role} may not set it: ${reason}`,
    remediation: howToAllow(facts, plan),
  };
}

function planTable(plan: SlowLogPlan, callsADay: number | undefined): ReportTable {
  return { title: 'Plan', columns: ['plan'], rows: describePlan(plan, callsADay).map((line) => [line]) };
}

function valuesTable(values: readonly Effective[]): ReportTable {
  return {
    title: 'New sessions',
    columns: ['role', 'logged from', 'decided by', 'open sessions'],
    alignRight: [3],
    rows: values.map(({ role, threshold, from, sessions }) => [
      role,
      describeThreshold(threshold),
      from,
      quantity(sessions),
    ]),
  };
}

function factsData(facts: SlowLogFacts, values: readonly Effective[]): Record<string, unknown> {
  const orNull = (threshold: Threshold | undefined) => threshold ?? null;
  return {
    server: orNull(facts.server),
    stored: facts.stored.map((one) => ({ ...one, role: one.role ?? null })),
    roles: values.map((value) => ({ ...value, threshold: orNull(value.threshold) })),
  };
}
