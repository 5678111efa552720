import { describe, expect, test } from 'vitest';
import { identifierProblem, readSystemTenant, readTtl } from '../../src/tenants/identifier.ts';
import { decide, type TenantRow } from '../../src/tenants/resolution.ts';

const ACME = '00000000-0000-4000-8000-00000000000a';
const OTHER = '00000000-0000-4000-8000-00000000000b';
const rows: readonly TenantRow[] = [
  { id: ACME, slug: 'acme' },
  { id: OTHER, slug: `o'brien "x" %</script> ünï` },
];

describe('an identifier stands for', () => {
  test('the tenant whose id it is, in any case', () => {
    const expected = { uuid: ACME, slug: 'acme', found: true, source: 'db-id' };
    expect(decide(ACME, rows, undefined)).toEqual(expected);
    expect(decide(ACME.toUpperCase(), rows, undefined)).toEqual(expected);
  });

  test('the tenant whose slug it is, letter by letter', () => {
    const slug = `o'brien "x" %</script> ünï`;
    expect(decide(slug, rows, undefined)).toEqual({ uuid: OTHER, slug, found: true, source: 'db-slug' });
    expect(decide('ACME', rows, undefined)).toEqual({ uuid: null, slug: 'ACME', found: false, source: 'unknown' });
  });

  test('none, when it is a UUID that nobody has', () => {
    const uuid = '00000000-0000-4000-8000-0000000000ff';
    expect(decide(uuid, rows, undefined)).toEqual({ uuid: null, slug: uuid, found: false, source: 'uuid-input' });
  });

  test('none, when it is the slug of one tenant and the id of another: both are named', () => {
    const disguised = [
      { id: ACME, slug: 'acme' },
      { id: OTHER, slug: ACME },
    ];
    expect(decide(ACME, disguised, undefined)).toMatchObject({
      uuid: null,
      source: 'ambiguous',
      candidates: [ACME, OTHER],
    });
  });

  test('the system tenant of the environment, whatever the table has under that name', () => {
    const other = [{ id: OTHER, slug: 'system' }];
    expect(decide('system', other, ACME)).toEqual({ uuid: ACME, slug: 'system', found: false, source: 'env' });
    expect(decide('system', rows, ACME)).toEqual({ uuid: ACME, slug: 'acme', found: true, source: 'env' });
    expect(decide('system', other, undefined)).toMatchObject({ uuid: OTHER, source: 'db-slug' });
  });
});

test.each([
  ['', 'empty'],
  [' ', 'empty'],
  ['a\u0000b', 'control'],
  ['x'.repeat(256), '255'],
])('%j is no identifier', (identifier, reason) => {
  expect(identifierProblem(identifier)).toContain(reason);
});

test('a slug may hold what SQL and HTML take for their own', () => {
  for (const slug of [`'; drop table tenant; --`, '</script>', 'a/b?c#d%', '../..', 'ünï 日本']) {
    expect(identifierProblem(slug)).toBeUndefined();
  }
});

describe('the environment', () => {
  test('gives the system tenant as a UUID or not at all', () => {
    expect(readSystemTenant({})).toBeUndefined();
    expect(readSystemTenant({ SYSTEM_TENANT_ID: ACME.toUpperCase() })).toBe(ACME);
    expect(() => readSystemTenant({ SYSTEM_TENANT_ID: 'acme' })).toThrow('SYSTEM_TENANT_ID "acme" is not a UUID');
  });

  test('says how long a tenant is remembered, a minute by default', () => {
    expect(readTtl({})).toBe(60_000);
    expect(readTtl({ TENANT_RESOLVE_CACHE_TTL_MS: '0' })).toBe(0);
    expect(() => readTtl({ TENANT_RESOLVE_CACHE_TTL_MS: '1m' })).toThrow('is not a number of milliseconds');
  });
});
