import { counted } from '../report/quantity.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import { drawChart } from './chart.ts';
import type { Definition } from './definition.ts';
import type { Outcome } from './facts.ts';
import { type Judgement, judge } from './judge.ts';
import type { Mute } from './mutes.ts';
import type { ConfiguredCheck } from './settings.ts';
import { write } from './template.ts';

/** What a run brought, and how it is to be judged and shown. */
export interface Diagnosis {
  readonly checks: readonly ConfiguredCheck[];
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly durations: ReadonlyMap<string, number>;
  readonly ignoredSchemas: readonly string[];
  readonly mutes: readonly Mute[];
  /** By UTC: `2026-03-01`. */
  readonly today: string;
  /** Whether the tables of the checks are shown: they were asked for by name. */
  readonly withTables: boolean;
}

/** The report of a run of checks, and the mutes that have run out. */
export function toResult(diagnosis: Diagnosis): { readonly result: CommandResult; readonly expired: readonly Mute[] } {
  const { checks, outcomes, durations, ignoredSchemas, withTables } = diagnosis;
  const asked = onePerId(checks);
  const judgements = asked.map((check) => judge(check, outcomeOf(check, outcomes), diagnosis));
  const muted = judgements.flatMap((judgement) => judgement.muted);
  const result: CommandResult = {
    checks: judgements.map(({ check }) => check),
    findings: judgements.flatMap(({ findings }) => findings),
    text: summarise(judgements, ignoredSchemas),
    charts: asked.flatMap(({ definition }) => drawChart(definition, outcomeOf({ definition }, outcomes)) ?? []),
    ...(withTables ? { tables: tablesOf(asked, judgements, outcomes) } : {}),
    data: {
      facts: Object.fromEntries(
        asked.flatMap(({ definition: { id } }) => {
          const outcome = outcomes.get(id);
          return outcome?.kind === 'facts' ? [[id, outcome.rows]] : [];
        }),
      ),
      muted: muted.map(({ finding, mute }) => ({ ...finding, reason: mute.reason, until: mute.until })),
      durationsMs: Object.fromEntries(durations),
      ignoredSchemas,
    },
  };
  return { result, expired: judgements.flatMap((judgement) => judgement.expired) };
}

/** Variants of a check for several versions are one check; they share title and category. */
function onePerId(checks: readonly ConfiguredCheck[]): ConfiguredCheck[] {
  return [...new Map(checks.map((check) => [check.definition.id, check])).values()];
}

function outcomeOf({ definition }: Pick<ConfiguredCheck, 'definition'>, outcomes: Diagnosis['outcomes']): Outcome {
  return outcomes.get(definition.id) ?? { kind: 'unknown', reason: 'was not run' };
}

function summarise(judgements: readonly Judgement[], ignoredSchemas: readonly string[]): string {
  const platform = ignoredSchemas.filter((name) => !/^(pg_|information_schema$)/.test(name));
  const left = platform.length === 0 ? '' : ` Left out: the schemas ${platform.join(', ')}.`;
  const hasFindings = judgements.some(({ findings }) => findings.length > 0);
  const open = judgements.filter(({ check }) => check.status === 'unknown').length;
  const undecided = `${counted(open, 'check')} could not be decided`;
  if (hasFindings) return `There is something to look at${open === 0 ? '' : `, and ${undecided}`}.${left}`;
  return `Nothing was found${open === 0 ? '' : `, but ${undecided}`}.${left}`;
}

/** What there is nothing to look at for has no table. */
function tablesOf(
  checks: readonly ConfiguredCheck[],
  judgements: readonly Judgement[],
  outcomes: Diagnosis['outcomes'],
): ReportTable[] {
  const left = checks.filter((_, index) => judgements[index]?.check.status !== 'not-applicable');
  return left.flatMap(({ definition }) => tableOf(definition, outcomes) ?? []);
}

function tableOf({ id, title, table, category }: Definition, outcomes: Diagnosis['outcomes']): ReportTable | undefined {
  const outcome = outcomes.get(id);
  if (table.length === 0 || outcome?.kind !== 'facts') return undefined;
  const isNumber = table.map(({ column }) => outcome.rows.some((row) => typeof row[column] === 'number'));
  return {
    title: `${title} [${category}/${id}]`,
    columns: table.map(({ heading }) => heading),
    rows: outcome.rows.map((row) => table.map(({ column, format }) => write(row[column], format))),
    alignRight: isNumber.flatMap((yes, index) => (yes ? [index] : [])),
  };
}
