import { expect, test } from 'vitest';
import type { RlsFacts } from '../../src/tenancy/facts.ts';
import { judgeFacts } from '../../src/tenancy/judge.ts';

test('findings of several parts of one object have fingerprints of their own', () => {
  const about = { severity: 'warning' as const, object: 'public."o %"', message: 'a key' };
  const noticed = [{ ...about, part: 'one "key"' }, { ...about, part: 'another' }, { ...about, policy: 'p' }, about];
  const check = { id: 'a-check', title: 'it holds', judge: () => ({ findings: noticed }) };
  const { findings } = judgeFacts({} as RlsFacts, [check], []);
  expect(findings.map(({ fingerprint }) => fingerprint)).toEqual([
    'a-check public."o %" one "key"',
    'a-check public."o %" another',
    'a-check public."o %" p',
    undefined,
  ]);
  // What a report prints has no word of it.
  expect(findings.some((finding) => 'part' in finding)).toBe(false);
});
