import { quoteIdentifier } from '../postgres/quote.ts';
import type { RoleNeeded } from './manifest.ts';

/**
 * SQL that makes the roles of a backup where nobody has them: as they were but without log-in and password, so that
 * owners, grants and policies can be restored to them.
 * @param existing roles that are there already
 */
export function rolesSql(roles: readonly RoleNeeded[], existing: readonly string[]): string {
  const missing = roles.filter(({ name }) => !existing.includes(name));
  const created = missing.map(
    (role) =>
      `create role ${quoteIdentifier(role.name)} nologin ${role.superuser ? 'superuser' : 'nosuperuser'} ${role.bypassRls ? 'bypassrls' : 'nobypassrls'} ${role.inherit ? 'inherit' : 'noinherit'};`,
  );
  const granted = roles.flatMap(({ name, memberOf }) =>
    memberOf.map((group) => `grant ${quoteIdentifier(group)} to ${quoteIdentifier(name)};`),
  );
  return [...created, ...granted].join('\n');
}
