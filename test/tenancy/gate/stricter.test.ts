import { expect, test } from 'vitest';
import type { GatePolicy } from '../../../src/tenancy/gate/state.ts';
import { isStricter } from '../../../src/tenancy/gate/stricter.ts';

const node = (what: string, location = 7) =>
  `{OPEXPR :opno 2972 :args ({VAR :varattno ${what} :location ${location}}) :location ${location}}`;
const joined = (by: 'and' | 'or', ...nodes: string[]) =>
  `{BOOLEXPR :boolop ${by} :args (${nodes.join(' ')}) :location 3}`;

function policy(changes: Partial<GatePolicy> = {}): GatePolicy {
  const about = { oid: 1, table: 2, name: "it's", command: 'ALL', permissive: true, meaning: '' } as const;
  return { ...about, roles: [0], using: node('2'), check: null, ...changes };
}

test.for<[what: string, now: Partial<GatePolicy>, was: Partial<GatePolicy>]>([
  ['the same, written elsewhere in its text', { using: node('2', 99) }, {}],
  ['the same and more', { using: joined('and', node('3'), node('2')) }, {}],
  [
    'more of what was joined already',
    { using: joined('and', node('4'), node('2'), node('3')) },
    { using: joined('and', node('2'), node('3')) },
  ],
  [
    'joined in another way',
    { using: joined('and', joined('and', node('3'), node('2')), node('4')) },
    { using: joined('and', node('2'), node('4')) },
  ],
  ['either way the same', { using: joined('or', joined('and', node('2'), node('3')), node('2')) }, {}],
  ['one of what was joined by OR', { using: node('3') }, { using: joined('or', node('2'), node('3')) }],
  [
    'one of two of what was joined by OR',
    { using: joined('and', joined('or', node('2'), node('3')), node('4')) },
    { using: joined('or', node('3'), node('5'), node('2')) },
  ],
  ['a text with brackets beside it', { using: joined('and', node('\\) \\} \\( \\{ \\\\'), node('2')) }, {}],
  ['fewer roles', { roles: [7] }, { roles: [7, 8] }],
  ['one role of everybody', { roles: [7] }, {}],
  ['one command of all', { command: 'SELECT' }, {}],
  ['a stricter check of its own', { check: joined('and', node('2'), node('3')) }, {}],
])('a policy opens nothing new: %s', ([, now, was]) => {
  expect(isStricter(policy(now), policy(was))).toBe(true);
});

test.for<[what: string, now: Partial<GatePolicy>, was: Partial<GatePolicy>]>([
  ['something else', { using: node('3') }, {}],
  ['the same or something else', { using: joined('or', node('2'), node('3')) }, {}],
  ['the same inside of something else', { using: joined('and', joined('or', node('2'), node('3')), node('4')) }, {}],
  ['one way the same', { using: joined('or', joined('and', node('2'), node('3')), node('4')) }, {}],
  [
    'more ways to look than are worth it',
    { using: joined('and', ...Array.from({ length: 200 }, (_, n) => node(`${n + 10}`)), node('2')) },
    { using: joined('or', ...Array.from({ length: 200 }, (_, n) => node(`${n + 500}`)), node('2')) },
  ],
  ['half of what was joined', { using: node('2') }, { using: joined('and', node('2'), node('3')) }],
  ['another role', { roles: [7, 9] }, { roles: [7, 8] }],
  ['everybody', {}, { roles: [7] }],
  ['another command', { command: 'DELETE' }, { command: 'SELECT' }],
  ['every command', {}, { command: 'SELECT' }],
  ['a check that says something else', { check: node('3') }, {}],
  ['a check that is gone', { using: node('2') }, { check: joined('and', node('2'), node('3')) }],
  ['no expression', { using: null }, {}],
  ['an expression where there was none', {}, { using: null }],
])('a policy may open more: %s', ([, now, was]) => {
  expect(isStricter(policy(now), policy(was))).toBe(false);
});
