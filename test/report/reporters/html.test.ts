import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/html.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is one page: findings from the worst, tables, checks', () => {
  const body = render(clinic, PIPE).split('<body>')[1] ?? '';
  const text = body.replace(/<[^>]+>/g, '\n').replace(/\n\s*/g, '\n');
  expect(text).toMatch(/^\naisha-db diagnose \nfindings\nTarget\ndb.example.com:5432\/clinic as aisha\n/);
  const order = [
    'critical (1)',
    'public.patients',
    'warning (1)',
    'vacuum (analyze)',
    'Largest tables',
    '120000',
    'wal-size',
  ];
  expect(order.map((part) => text.indexOf(part))).toEqual(
    order.map((part) => text.indexOf(part)).toSorted((a, b) => a - b),
  );
  expect(order.every((part) => text.includes(part))).toBe(true);
});

test('needs nothing from anywhere and runs nothing', () => {
  const page = render(clinic, PIPE);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(page).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import/);
});

test('follows the light or dark of its reader, and prints', () => {
  expect(render(clinic, PIPE)).toMatch(/prefers-color-scheme: dark.*@media print/s);
});

test('says why a run failed', () => {
  expect(render(failed, PIPE)).toContain('<h3 class="tone">another run holds the lock</h3>');
});

test('whatever a name holds is text', () => {
  const body = render(hostile, PIPE).split('</style>')[1] ?? '';
  const known =
    /<\/?(?:head|body|html|main|h[123]|span|dl|dt|dd|article|p|pre|ul|li|b|div|table|thead|tbody|tr|th|td|code)(?: class="[\w -]+")?>/g;
  expect(body.replace(known, '')).not.toMatch(/[<>"']/);
});
