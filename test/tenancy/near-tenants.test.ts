import { describe, expect, test } from 'vitest';
import { nearTenants } from '../../src/tenancy/near-tenants.ts';

const near = (type: string, category: string, own: string, constants: string[] = []) =>
  nearTenants({ type, category }, { own, other: '7002', unknown: '7999' }, constants);

describe('tenants that are near another', () => {
  test('have the same last or first digits, or leave the same remainder', () => {
    const numbers = near('bigint', 'N', '7001', ['13', 'x']);
    expect(numbers).toEqual(expect.arrayContaining(['7014', '7000', '7011', '17001', '70011']));
    expect(numbers).not.toEqual(expect.arrayContaining(['7001']));
    expect(numbers).not.toEqual(expect.arrayContaining(['7002']));
  });

  test('have room in their column', () => {
    const fits = (type: string, own: string, greatest: number) =>
      expect(Math.max(...near(type, 'N', own).map(Number))).toBeLessThanOrEqual(greatest);
    fits('smallint', '32767', 32_767);
    fits('integer', '2147483647', 2_147_483_647);
    fits('numeric(4,0)', '7001', 9_999);
    expect(near('bigint', 'N', '1').every((id) => Number(id) > 1)).toBe(true);
    expect(near('character varying(4)', 'S', 'acme').every((id) => id.length === 4)).toBe(true);
    expect(near('money', 'N', '7001')).toEqual([]);
  });

  test('differ in each character of a UUID, which has no case', () => {
    const own = 'aaaaaaaa-0000-4000-8000-00000000000a';
    const ids = near('uuid', 'U', own);
    expect(ids.slice(0, 2)).toEqual(['aaaaaaaa-0000-4000-8000-00000000000b', 'baaaaaaa-0000-4000-8000-00000000000a']);
    expect(new Set(ids).size).toBe(96);
    expect(ids.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  });

  test('differ in the case of a letter of a text, or go on', () => {
    expect(near('text', 'S', 'acmé %')).toEqual(expect.arrayContaining(['Acmé %', 'acmé %x']));
    // In capitals a session may write its own.
    expect(near('text', 'S', 'a')).not.toContain('A');
  });

  test('of arrays and documents there are none', () => {
    expect(near('uuid[]', 'A', 'x')).toEqual([]);
  });
});
