import type { ReportChart } from '../report.ts';
import { drawBars, drawStacked } from './bar-chart.ts';
import { line, lines, optional } from './text.ts';
import { drawTime } from './time-chart.ts';

/** All pictures of a report, side by side where there is room. */
export function drawCharts(charts: readonly ReportChart[]): string {
  if (charts.length === 0) return '';
  return `<section id="charts" aria-labelledby="charts-title"><h2 id="charts-title">Charts</h2>\n<div class="charts">${charts.map(drawChart).join('\n')}</div></section>`;
}

function drawChart(chart: ReportChart): string {
  return `<figure class="sheet"><figcaption><h3>${line(chart.title)}</h3></figcaption>${drawKind(chart)}${optional('<p class="faint">', lines(chart.note ?? ''), '</p>')}</figure>`;
}

function drawKind(chart: ReportChart): string {
  if (chart.kind === 'bars') return drawBars(chart);
  return chart.kind === 'stacked' ? drawStacked(chart) : drawTime(chart);
}
