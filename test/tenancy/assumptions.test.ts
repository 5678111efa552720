import { expect, test } from 'vitest';
import { assume } from '../../src/tenancy/assumptions.ts';

const column = (name: string, type: string, category: string, labels: readonly string[] = []) => ({
  name,
  type,
  category,
  labels,
});
const COLUMNS = [
  column('note', 'text', 'S'),
  column('is_public', 'boolean', 'B'),
  column('n', 'integer', 'N'),
  column('at', 'timestamp with time zone', 'D'),
  column('Art "%"', 'app.odd', 'X'),
  column('meta', 'jsonb', 'U'),
  column('place', 'point', 'G'),
  column('kind', 'app.kind', 'E', ['a', 'b']),
];
const assumed = (text: string, triedAll = true) =>
  assume(text, { columns: COLUMNS, owners: ['tenant_id'], triedAll })?.text;

const OWN = '(tenant_id = public.own_tenant())';

test.each([
  OWN,
  `(${OWN} OR is_public)`,
  `(${OWN} AND (note = 'OR (n'::text))`,
  `(${OWN} OR ((note)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))`,
  `(${OWN} OR (n > 5) OR ((n)::bigint <= '-3'::integer))`,
  `(${OWN} AND (at > now()))`,
  `(${OWN} AND (at IS NULL) AND (is_public IS NOT TRUE))`,
  `(${OWN} OR (meta IS NOT NULL))`,
  `(${OWN} OR (kind = 'a'::app.kind))`,
])('what made-up rows satisfy is not taken for granted: %s', (text) => {
  expect(assumed(text)).toBeUndefined();
});

test.each([
  [`(${OWN} OR ((n % 7) = 3))`, `(${OWN} OR (true))`],
  [`(${OWN} OR starts_with(note, 'a OR b'::text))`, `(${OWN} OR true)`],
  [`(${OWN} OR (NOT ((n % 7) = 3)))`, `(${OWN} OR (NOT (false)))`],
  [
    `(${OWN} OR (NOT ((is_public OR (length(note) > 3)) AND (tenant_id IS NOT NULL))))`,
    `(${OWN} OR (NOT ((false OR (false)) AND (tenant_id IS NOT NULL))))`,
  ],
  [`(${OWN} OR ("Art ""%""" = 'x'::text))`, `(${OWN} OR (true))`],
  [`(${OWN} OR (place IS NOT NULL))`, `(${OWN} OR (true))`],
  [`(${OWN} OR ((at > (now() - '1 day'::interval)) AND (at < now())))`, `(${OWN} OR ((true) AND (true)))`],
  [`(${OWN} OR CASE WHEN (is_public AND (n = 1)) THEN (note = 'x'::text) ELSE (n = 2) END)`, `(${OWN} OR true)`],
])('what they may not satisfy is: %s', (text, expected) => {
  expect(assumed(text)).toBe(expected);
});

test('everything is where they are too few', () => {
  expect(assumed(`(${OWN} OR (note = 'a'::text))`, false)).toBe(`(${OWN} OR (true))`);
});

test.each([
  '((tenant_id)::text = note)',
  `((n % 7) = public.level())`,
  "((n % 7) = (current_setting('app.n'::text))::integer)",
  `(starts_with(note, (CURRENT_USER)::text))`,
  '(EXISTS ( SELECT 1 FROM public.shares WHERE ((shares.note = t.note) AND (length(t.note) > 3))))',
  "(pg_has_role((note)::name, 'USAGE'::text))",
])('what says whose a row is, or who asks, never is: %s', (text) => {
  expect(assumed(text)).toBeUndefined();
});

test('the conditions are named', () => {
  const text = `(((n % 7) = 3) OR ((n % 7) = 3) OR (length(note) > 3))`;
  expect(assume(text, { columns: COLUMNS, owners: [], triedAll: true })?.conditions).toEqual([
    '(n % 7) = 3',
    'length(note) > 3',
  ]);
});
