import { counted, quantity } from '../report/quantity.ts';
import {
  type CommandResult,
  type ReportChart,
  type ReportTable,
  SEVERITIES,
  type TimeChart,
} from '../report/report.ts';
import type { Definition } from './definition.ts';
import type { SavedRun } from './saved-run.ts';
import { type Growth, type Series, seriesOf, type Trend } from './trend.ts';

/** Lines of one picture; more cannot be told apart. */
const MOST_LINES = 8;

/** What stored runs add to the report of a run. */
export function trendReport(
  trend: Trend | undefined,
  runs: readonly SavedRun[],
  definitions: readonly Definition[],
): Required<Pick<CommandResult, 'text' | 'tables' | 'charts' | 'data'>> {
  if (trend === undefined) {
    return { text: 'No earlier run is stored.', tables: [], charts: [], data: { trend: null } };
  }
  const { appeared, gone, worse, growing, notCompared, last } = trend;
  const counts = [
    `${appeared.length} new`,
    `${gone.length} gone`,
    `${worse.length} worse`,
    `${growing.length} growing`,
  ];
  const left = notCompared.length === 0 ? '' : ` Not decided in any stored run: ${notCompared.join(', ')}.`;
  const found = ({ severity, object, check }: Trend['appeared'][number]) => [severity, object, check];
  const tables: ReportTable[] = [
    { title: `New since ${moment(last)}`, columns: ['severity', 'object', 'check'], rows: appeared.map(found) },
    { title: `Gone since ${moment(last)}`, columns: ['was', 'object', 'check'], rows: gone.map(found) },
    {
      title: `Worse since ${moment(last)}`,
      columns: ['severity', 'was', 'object', 'check'],
      rows: worse.map(({ severity, was, object, check }) => [severity, was, object, check]),
    },
    {
      title: `Growing, over ${counted(trend.runs, 'stored run')}`,
      columns: ['object', 'check', 'since', 'was', 'is', 'a day', 'at this pace'],
      alignRight: [3, 4, 5],
      rows: growing.map(drawGrowth),
    },
  ];
  return {
    text: `Compared with ${moment(last)}: ${counts.join(', ')}.${left}`,
    tables: tables.filter(({ rows }) => rows.length > 0),
    charts: [...timeCharts(runs, definitions), ...findingsOverTime(runs)],
    data: { trend },
  };
}

function drawGrowth({ object, check, since, from, to, unit, perDay, daysUntilFull }: Growth): string[] {
  const pace = daysUntilFull === undefined ? '' : `100 % in ${counted(Math.ceil(daysUntilFull), 'day')}`;
  return [object, check, moment(since), quantity(from, unit), quantity(to, unit), quantity(perDay, unit), pace];
}

/** `2026-11-27 09:15`, by UTC. */
function moment(iso: string): string {
  return new Date(iso).toISOString().slice(0, 16).replace('T', ' ');
}

/** Of each check that lists or draws what it measures: how the largest developed. */
function timeCharts(runs: readonly SavedRun[], definitions: readonly Definition[]): TimeChart[] {
  const series = seriesOf(runs).filter(({ points }) => points.length > 1);
  const shown = definitions.filter(({ metric, chart, severity, thresholds }) => {
    const lists = severity === undefined && thresholds.length === 0;
    return metric !== undefined && (chart !== undefined || lists);
  });
  return [...new Map(shown.map((definition) => [definition.id, definition])).values()].flatMap(({ id, title }) => {
    const lines = series.filter(({ check }) => check === id).slice(0, MOST_LINES);
    return lines.length === 0 ? [] : [timeChart(`${title}, over time`, lines)];
  });
}

function timeChart(title: string, lines: readonly Series[]): TimeChart {
  const { unit } = lines[0]!;
  return { kind: 'time', title, unit, lines: lines.map(({ object, points }) => ({ label: object, points })) };
}

/** Only runs whose findings were read count; a run of some checks beside one of all would mislead. */
function findingsOverTime(runs: readonly SavedRun[]): ReportChart[] {
  const asked = (run: SavedRun) => Object.keys(run.checks).sort().join(' ');
  const latest = runs.at(-1);
  const alike = latest === undefined ? [] : runs.filter((run) => asked(run) === asked(latest));
  if (alike.length < 2) return [];
  const lines = SEVERITIES.toReversed().map((severity) => ({
    label: severity,
    points: alike.map(({ takenAt, findings }) => ({
      at: takenAt,
      value: findings.filter((finding) => finding.severity === severity).length,
    })),
  }));
  return [{ kind: 'time', title: 'Findings, over time', unit: 'count', lines }];
}
