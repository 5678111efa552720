import { AishaError } from '../errors.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult, Finding, ReportTable } from '../report/report.ts';
import { describePlan, type FixPlan, hasRows } from './fix-plan.ts';
import type { RelationOutcome } from './result.ts';
import { sampleColumns } from './sql.ts';

/** What a repair of one relation came to. */
export interface Repaired {
  readonly plan: FixPlan;
  /** Number of the repair, for --restore. */
  readonly id: number | undefined;
  readonly repaired: number;
  readonly followed: number;
  readonly left: number | undefined;
  readonly auditLog: boolean;
  /** Tables that hold the rows as they were. */
  readonly saved: readonly { readonly table: string; readonly backup: string }[];
  readonly error: AishaError | undefined;
}

type Titles = ReadonlyMap<number, { readonly title: string }>;

/** The error of plans that may not be carried out, with every reason of every relation at once. */
export function refusalOf(plans: readonly FixPlan[]): AishaError | undefined {
  const details = plans.flatMap(({ problems }) => problems);
  if (details.length === 0) return undefined;
  return new AishaError(
    'plan',
    `the repair is refused: ${details.length === 1 ? 'a reason' : `${details.length} reasons`}`,
    {
      details: [...new Set(details)],
      hint: 'Nothing was changed. Correct what is named, accept it with the flag that is named, or name other relations.',
    },
  );
}

/** The report of plans that are not carried out. */
export function planResult(plans: readonly FixPlan[], titles: Titles, error: AishaError | undefined): CommandResult {
  return {
    text: error === undefined ? 'Nothing was changed: this is what would be.' : 'Nothing was changed.',
    tables: [
      {
        title: 'Plan',
        columns: ['step'],
        rows: plans.flatMap((plan) => describePlan(plan, titles)).map((line) => [line]),
      },
    ],
    data: { plans: plans.map((plan) => planData(plan, titles)) },
    ...(error === undefined ? {} : { error }),
  };
}

/** The report of what was done. */
export function repairResult(done: readonly Repaired[], titles: Titles): CommandResult {
  const error = done.find((one) => one.error !== undefined)?.error;
  const restorable = done.filter(({ repaired, id }) => repaired > 0 && id !== undefined);
  const table: ReportTable = {
    title: 'Repairs',
    columns: ['relation', 'done', 'rows', 'followed', 'left'],
    rows: done.map(({ plan, repaired, followed, left }) => [
      plan.relation.name,
      plan.kind === 'delete' ? 'deleted' : `${plan.columns.join(', ')} set to NULL`,
      quantity(repaired),
      quantity(followed),
      left === undefined ? '?' : quantity(left),
    ]),
    alignRight: [2, 3, 4],
  };
  const total = done.reduce((sum, { repaired }) => sum + repaired, 0);
  const saved = restorable.map(
    ({ id }) => `\nEach row was saved first; put them back with: aisha-db orphans --restore ${id}`,
  );
  return {
    text: `${quantity(total)} ${total === 1 ? 'row was' : 'rows were'} repaired.${saved.join('')}`,
    tables: [table],
    findings: done.flatMap(leftFinding),
    data: {
      fixes: done.map((one) => ({
        ...planData(one.plan, titles),
        id: one.id ?? null,
        repaired: one.repaired,
        followed: one.followed,
        left: one.left ?? null,
        auditLog: one.auditLog,
        saved: one.saved,
        restore: one.repaired > 0 && one.id !== undefined ? `aisha-db orphans --restore ${one.id}` : null,
        error: one.error?.message ?? null,
      })),
    },
    ...(error === undefined ? {} : { error }),
  };
}

/** The report of `--fix report`: what either repair would do, and the keys of a few rows. */
export function choicesResult(
  counted: CommandResult,
  choices: readonly { readonly outcome: RelationOutcome; readonly plans: readonly FixPlan[] }[],
  titles: Titles,
): CommandResult {
  const rows = choices.flatMap(({ plans }) =>
    plans.flatMap((plan) => [
      ...describePlan(plan, titles).map((line) => [line]),
      ...plan.problems.map((problem) => [`- refused: ${problem}`]),
    ]),
  );
  const samples = choices
    .filter(({ outcome }) => outcome.sample.length > 0)
    .map(
      ({ outcome }): ReportTable => ({
        title: `Some of ${outcome.relation.name}`,
        columns: sampleColumns(outcome.relation),
        rows: outcome.sample.map((row) => row.map((value) => value ?? '')),
      }),
    );
  const plans = choices.flatMap((choice) => choice.plans.map((plan) => planData(plan, titles)));
  return {
    ...counted,
    tables: rows.length === 0 ? [] : [{ title: 'What a repair would do', columns: ['step'], rows }, ...samples],
    data: { ...counted.data, plans },
  };
}

function leftFinding({ plan, left, error }: Repaired): readonly Finding[] {
  if (left === undefined || left === 0 || error !== undefined) return [];
  return [
    {
      check: 'orphaned-rows',
      severity: 'warning',
      object: plan.relation.name,
      message: `${quantity(left)} ${left === 1 ? 'orphan is' : 'orphans are'} left: other sessions had locked them, or they came since`,
      remediation: 'Run it again.',
      metric: left,
      unit: 'count',
    },
  ];
}

function planData(plan: FixPlan, titles: Titles): Record<string, unknown> {
  const reached = [...plan.deleting, ...plan.changing].filter(hasRows).map(({ key, rows }) => ({
    table: titles.get(key.table)?.title ?? null,
    constraint: key.name,
    onDelete: key.onDelete,
    rows: rows ?? null,
  }));
  return {
    relation: plan.relation.name,
    kind: plan.kind,
    orphans: plan.orphans,
    columns: plan.columns,
    reached,
    triggers: plan.triggers.map(({ table, trigger }) => ({ table, name: trigger.name, function: trigger.function })),
    leaving: plan.leaving,
    problems: plan.problems,
  };
}
