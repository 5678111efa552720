import type { ReportChart } from '../report/report.ts';
import type { Definition } from './definition.ts';
import type { Outcome } from './facts.ts';
import { measure, scaleOf, write } from './template.ts';

/** The picture of a check's rows, in their order; nothing when it has none, or when there is nothing to see. */
export function drawChart({ chart }: Pick<Definition, 'chart'>, outcome: Outcome): ReportChart | undefined {
  if (chart === undefined || outcome.kind !== 'facts') return undefined;
  const sums = new Map<string, number[]>();
  for (const row of outcome.rows) {
    const label = write(row[chart.label], undefined);
    const values = chart.parts.map((part) => measure(row, part)?.metric ?? 0);
    sums.set(
      label,
      values.map((value, index) => value + (sums.get(label)?.[index] ?? 0)),
    );
  }
  const bars = [...sums].filter(([, values]) => values.some((value) => value > 0));
  if (bars.length === 0) return undefined;
  const { title, parts } = chart;
  const { unit } = scaleOf(parts[0]!);
  if (parts.length === 1) {
    return { kind: 'bars', title, unit, bars: bars.map(([label, values]) => ({ label, value: values[0]! })) };
  }
  return {
    kind: 'stacked',
    title,
    unit,
    parts: parts.map(({ heading }) => heading),
    bars: bars.map(([label, values]) => ({ label, values })),
  };
}
