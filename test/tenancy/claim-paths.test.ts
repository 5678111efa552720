import { expect, test } from 'vitest';
import { claimsIn, mayCarryTenant } from '../../src/tenancy/claim-paths.ts';

test.each([
  [`select (auth.jwt() ->> 'org_id')::uuid`, [['org_id']]],
  [`select ((auth.jwt() -> 'app_metadata'::text) ->> 'org'::text)::uuid`, [['app_metadata', 'org']]],
  [`select (auth.jwt()->'app_metadata'->'a'->>'b')`, [['app_metadata', 'a', 'b']]],
  [`select current_setting('request.jwt.claims')::json #>> '{app_metadata,"org"}'`, [['app_metadata', 'org']]],
  [`claims := jwt(); return (claims ->> 'it''s "é" %')::int;`, [[`it's "é" %`]]],
  [`coalesce(j ->> 'a', j ->> 'b', j ->> 'a')`, [['a'], ['b']]],
  [`select 1 -> 2, 'no' || '->'`, []],
])('%s takes the values %j', (body, paths) => {
  expect(claimsIn(body).map(({ path }) => path)).toEqual(paths);
});

test('what would please a function is what it compares a value with', () => {
  const body = `return (jwt() ->> 'is_admin')::boolean or jwt()->'user_metadata'->>'role' = 'it''s "me"'
    or (jwt() ->> 'org')::uuid = t`;
  expect(claimsIn(body).map(({ wanted }) => wanted)).toEqual([true, 'it\'s "me"', '{tenant}']);
});

test('what users say of themselves, and who they are, is no tenant', () => {
  const paths = [['org'], ['sub'], ['app_metadata', 'org'], ['user_metadata', 'org'], ['app_metadata', 'user_id'], []];
  expect(paths.filter(mayCarryTenant)).toEqual([['org'], ['app_metadata', 'org']]);
});
