import { expect, test } from 'vitest';
import { resolveRoles } from '../../src/tenancy/catalog/roles.ts';

const role = (oid: number, name: string, bypass: boolean) => ({
  oid,
  name,
  superuser: false,
  bypass_rls: bypass,
  login: true,
  inherits: true,
});

test('a membership WITH SET FALSE makes nobody another, and one from before 16 does', () => {
  const roles = [role(1, 'app "%s"', false), role(2, 'sees all', true), role(3, 'older', true)];
  const memberships = [
    { role: 2, member: 1, inherit: true, become: false },
    { role: 3, member: 1, inherit: null, become: null },
  ];
  const app = resolveRoles(roles, memberships).get(1)!;
  expect(app.memberOf).toEqual([3]);
  expect([...app.canBecome]).toEqual([1, 3]);
  expect([...app.inherits]).toEqual([1, 2, 3]);
});
