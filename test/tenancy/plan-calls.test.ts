import { expect, test } from 'vitest';
import { callsPerRow } from '../../src/tenancy/plan-calls.ts';

const scan = (filter: string, more: object = {}) => [{ Plan: { 'Node Type': 'Seq Scan', Filter: filter, ...more } }];
const textsOf = (plan: unknown) => callsPerRow(plan).map(({ text }) => text);

test.each([
  ["(t.tenant_id = (current_setting('x'::text, true))::uuid)", ["current_setting('x'::text, true)"]],
  ['(t.tenant_id = $0)', []],
  ['(t.tenant_id = (InitPlan 1).col1)', []],
  ['((t.a = $0) OR (t.b = auth.uid()))', ['auth.uid()']],
  ['(length(t.name) > 3)', []],
  ['(check_row("Odd ""T""".*) AND "My Fn"(1))', ['"My Fn"(1)']],
  ["(t.note <> 'f(x)'::text)", []],
  ['((t.n)::timestamp(3) with time zone > COALESCE(CASE WHEN (t.a IN (1, 2)) THEN 1 ELSE 0 END, 3))', []],
  ['(hashed SubPlan 1)', []],
])('calls that no column goes into: %s', (filter, calls) => {
  expect(textsOf(scan(filter))).toEqual(calls);
});

test('what is computed once does not count, what is computed below for every row does', () => {
  const plan = scan('(SubPlan 2)', {
    Plans: [
      { 'Parent Relationship': 'InitPlan', 'Subplan Name': 'InitPlan 1', Filter: '(u.id = auth.uid())' },
      { 'Parent Relationship': 'SubPlan', 'Subplan Name': 'SubPlan 2', 'Index Cond': '(m.u = auth.jwt())' },
    ],
  });
  expect(textsOf(plan)).toEqual(['auth.jwt()']);
  expect(textsOf([{ Plan: { 'Node Type': 'Result', 'One-Time Filter': 'is_superadmin()' } }])).toEqual([]);
});
