import type { Session } from '../../postgres/session.ts';
import type { RoleFacts } from '../facts.ts';
import { readRows } from './rows.ts';

export interface RoleRow {
  readonly oid: number;
  readonly name: string;
  readonly superuser: boolean;
  readonly bypass_rls: boolean;
  readonly login: boolean;
  readonly inherits: boolean;
}

export interface MembershipRow {
  readonly role: number;
  readonly member: number;
  readonly inherit: boolean | null;
  readonly become: boolean | null;
}

export const ROLES = `
  select oid::int8 as oid, rolname as name, rolsuper as superuser, rolbypassrls as bypass_rls,
    rolcanlogin as login, rolinherit as inherits
  from pg_catalog.pg_roles
  order by rolname
`;

// Since 16 each membership says for itself whether it is inherited and whether SET ROLE may use it.
export const MEMBERSHIPS = `
  select m.roleid::int8 as role, m.member::int8 as member,
    (pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean as inherit,
    (pg_catalog.to_jsonb(m) ->> 'set_option')::boolean as become
  from pg_catalog.pg_auth_members m
`;

/** Every role, with what it reaches through memberships: two scans, resolved here. */
export async function readRoles(session: Session): Promise<Map<number, RoleFacts>> {
  const roles = await readRows<RoleRow>(session, ROLES);
  return resolveRoles(roles, await readRows<MembershipRow>(session, MEMBERSHIPS));
}

export function resolveRoles(roles: readonly RoleRow[], memberships: readonly MembershipRow[]): Map<number, RoleFacts> {
  const byOid = new Map(roles.map((role) => [role.oid, role]));
  const inherited = edges(memberships, (m) => m.inherit ?? byOid.get(m.member)?.inherits ?? true);
  const assumable = edges(memberships, (m) => m.become ?? true);
  const facts = roles.map((role): [number, RoleFacts] => [
    role.oid,
    {
      oid: role.oid,
      name: role.name,
      superuser: role.superuser,
      bypassRls: role.bypass_rls,
      login: role.login,
      memberOf: memberships.filter((m) => m.member === role.oid && (m.become ?? true)).map((m) => m.role),
      inherits: closure(role.oid, inherited),
      canBecome: role.superuser ? new Set(byOid.keys()) : closure(role.oid, assumable),
    },
  ]);
  return new Map(facts);
}

type Edges = ReadonlyMap<number, readonly number[]>;

function edges(memberships: readonly MembershipRow[], counts: (membership: MembershipRow) => boolean): Edges {
  const found = new Map<number, number[]>();
  for (const membership of memberships.filter(counts)) {
    const { member, role } = membership;
    found.set(member, [...(found.get(member) ?? []), role]);
  }
  return found;
}

function closure(start: number, from: Edges): ReadonlySet<number> {
  const reached = new Set([start]);
  for (const role of reached) for (const next of from.get(role) ?? []) reached.add(next);
  return reached;
}
