import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Report, ReportChart } from '../../../src/report/report.ts';
import { render } from '../../../src/report/reporters/html.ts';
import { clinic, crowded, failed, hostile, PIPE } from '../reports.ts';

/** What a reader sees, one line for each piece of text. */
function textOf(report: Report): string {
  const body = /<body>(.*)<script>/s.exec(render(report, PIPE))?.[1] ?? '';
  return body.replace(/<[^>]+>/g, '\n').replace(/\n\s*/g, '\n');
}

const verdictOf = (report: Report) => /<h1>(.*)<\/h1>/.exec(render(report, PIPE))?.[1];

test('is one page: verdict, findings from the worst, what was open, charts, tables, checks', () => {
  const text = textOf(clinic);
  expect(text).toMatch(/^\naisha-db diagnose of \nclinic\n1 critical, 1 warning, 1 check could not be decided\n/);
  const order = [
    'public.patients',
    'vacuum (analyze)',
    'permission denied for pg_ls_waldir',
    'Slowest queries',
    '120000',
    'xid-age',
  ];
  expect(order.map((part) => text.indexOf(part))).toEqual(
    order.map((part) => text.indexOf(part)).toSorted((a, b) => a - b),
  );
  expect(order.every((part) => text.includes(part))).toBe(true);
});

test.each<[string, Report]>([
  ['The run failed', failed],
  ['1 critical, 1 warning', { ...clinic, checks: [] }],
  ['10 critical, 20 warnings, 10 info', crowded(40)],
  ['Nothing found, but 1 check could not be decided', { ...clinic, findings: [] }],
  ['Nothing found', { ...clinic, exitCode: 0, findings: [], checks: clinic.checks.slice(4) }],
  ['Something is to be done', { ...clinic, findings: [], checks: [] }],
  ['Done', { ...clinic, exitCode: 0, findings: [], checks: [] }],
])('the verdict is: %s', (verdict, report) => {
  expect(verdictOf(report)).toBe(verdict);
});

test('allows its own style and script by their content, and nothing else', () => {
  const page = render(clinic, PIPE);
  const [style, script] = ['style', 'script'].map(
    (tag) => new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(page)?.[1] ?? '',
  );
  const digest = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  expect(/content="(default-src[^"]*)"/.exec(page)?.[1]).toBe(
    `default-src 'none'; style-src ${digest(style)}; script-src ${digest(script)}; base-uri 'none'; form-action 'none'`,
  );
  expect(page).not.toMatch(/<link|<img|src=|url\(|@import|href="(?!#)| style="| on\w+="/);
});

test('says why a run failed', () => {
  expect(textOf(failed)).toMatch(/another run holds the lock\n.*pid 42, since 06:00\nWait for it\.\n/s);
});

test('whatever a name holds is text', () => {
  const body = /<body>(.*)<script>/s.exec(render(hostile, PIPE))?.[1] ?? '';
  const known =
    /<\/?(?:body|header|nav|main|section|h[1234]|span|dl|dt|dd|div|p|pre|ul|li|a|b|bdi|strong|time|details|summary|figure|figcaption|table|caption|colgroup|col|thead|tbody|tr|th|td|code|button|svg|rect|title|line|text|polyline|circle)(?: [\w-]+(?:="[^"<>]*")?)*\/?>/g;
  expect(body.replace(known, '')).not.toMatch(/[<>"']/);
  expect(body).not.toMatch(/[\u2028\u2029\u202a-\u202e]/);
});

test('a check that found much is closed at first, its advice in words is not for copying', () => {
  const open = (report: Report) => [...render(report, PIPE).matchAll(/<details class="group[^>]* (open)?>/g)].length;
  expect([open(crowded(80)), open(crowded(84))]).toEqual([4, 0]);
  expect(render(crowded(8), PIPE)).toContain('<p class="advice">Watch it for a month.</p>');
});

const chartOf = (chart: ReportChart) =>
  /<figure.*<\/figure>/s.exec(render({ ...clinic, charts: [chart] }, PIPE))?.[0] ?? '';

test('what has no length has no bar: nothing, less than nothing, no number', () => {
  const values = [0, -5, Number.NaN, Number.POSITIVE_INFINITY, 4, 0.0001];
  const bars = values.map((value, index) => ({ label: `b${index}`, value }));
  const chart = chartOf({ kind: 'bars', title: 'T', unit: 'count', bars });
  expect([...chart.matchAll(/<rect[^>]* width="([^"]+)"/g)].map((match) => match[1])).toEqual(['100%', '0.4%']);
  expect(chart).toContain('>NaN<');
});

test('half of a hundred is half a bar', () => {
  const bars = [{ label: 'visits', value: 50 }];
  expect(chartOf({ kind: 'bars', title: 'T', unit: 'percent', bars })).toContain('width="50%"');
});

test('of very many bars the first are drawn, the others counted', () => {
  const bars = Array.from({ length: 100 }, (_, index) => ({ label: `t${index}`, value: 100 - index }));
  const chart = chartOf({ kind: 'bars', title: 'T', unit: 'bytes', bars });
  expect(chart.match(/<rect/g)).toHaveLength(40);
  expect(chart).toContain('60 more are not drawn.');
});

function ticksOf(values: readonly number[], unit: 'bytes' | 'count' = 'bytes'): string[] {
  const points = values.map((value, day) => ({ at: new Date(Date.UTC(2026, 0, 1 + day)).toISOString(), value }));
  const chart = chartOf({ kind: 'time', title: 'T', unit, lines: [{ label: 'l', points }] });
  return [...chart.matchAll(/<text[^>]*text-anchor="end">([^<]*)</g)].map((match) => match[1] ?? '').slice(0, -1);
}

test('the scale of a line has round numbers, starts at 0, and follows growth that is far away from it', () => {
  const gigabyte = 1024 ** 3;
  expect(ticksOf([gigabyte, 7.1 * gigabyte])).toEqual(['0 B', '2 GB', '4 GB', '6 GB', '8 GB']);
  expect(ticksOf([90 * gigabyte, 97 * gigabyte])).toEqual(['90 GB', '92 GB', '94 GB', '96 GB', '98 GB']);
  expect(ticksOf([0, 0])).toEqual(['0 B', '1 B']);
  expect(ticksOf([12e7, 12e7], 'count')).toEqual(['0', '50 M', '100 M', '150 M']);
});

test('a line without a point that can be drawn says so', () => {
  const points = [
    { at: 'yesterday', value: 1 },
    { at: '2026-01-01T00:00:00.000Z', value: Number.NaN },
  ];
  expect(chartOf({ kind: 'time', title: 'T', unit: 'count', lines: [{ label: 'l', points }] })).toContain(
    'There is no point in time to draw yet.',
  );
});
