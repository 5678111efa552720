import { expect, test } from 'vitest';
import { leftBehindCheck } from '../../src/tenancy/proof/proof-check.ts';

test('a table that could not be searched for rows of the proof is not called clean', () => {
  const unchecked = [{ object: 'public.large', reason: 'canceling statement due to statement timeout' }];
  const { judge } = leftBehindCheck({ tables: [], failedControl: undefined, leftBehind: ['public.t'], unchecked });
  expect(judge({} as never)).toMatchObject({ findings: [{ object: 'public.t' }], open: unchecked });
});
