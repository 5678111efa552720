import type { Session } from '../../postgres/session.ts';
import type { Grants, Privilege } from '../facts.ts';

/** Access lists by their text: most tables of a schema share one, so each is taken apart once. */
export type AccessLists = ReadonlyMap<string, Grants>;

export interface GrantRow {
  readonly list: string;
  readonly grantee: number;
  readonly privileges: Privilege[];
}

/** Takes access lists apart as the server reads them: names need quoting rules that only it knows for sure. */
export async function readAccessLists(session: Session, lists: ReadonlySet<string>): Promise<AccessLists> {
  if (lists.size === 0) return new Map();
  const rows = await session.query<GrantRow>(
    `
      select list, a.grantee, array_agg(distinct a.privilege_type order by a.privilege_type) as privileges
      from unnest($1::text[]) list, pg_catalog.aclexplode(list::aclitem[]) a
      group by list, a.grantee
      order by list, a.grantee
    `,
    [[...lists]],
  );
  return toAccessLists(rows);
}

export function toAccessLists(rows: readonly GrantRow[]): AccessLists {
  const found = new Map<string, Map<number, ReadonlySet<Privilege>>>();
  for (const { list, grantee, privileges } of rows) {
    const grants = found.get(list) ?? new Map<number, ReadonlySet<Privilege>>();
    grants.set(grantee, new Set(privileges));
    found.set(list, grants);
  }
  return found;
}

const ALL: readonly Privilege[] = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'TRUNCATE',
  'REFERENCES',
  'TRIGGER',
  'MAINTAIN',
];

const ownersOnly = new Map<number, Grants>();

/** What a list says; without one only the owner has privileges (PostgreSQL docs 5.8). */
export function grantsOf(lists: AccessLists, list: string | null, owner: number): Grants {
  if (list !== null) return lists.get(list) ?? new Map();
  const known = ownersOnly.get(owner) ?? new Map([[owner, new Set(ALL)]]);
  ownersOnly.set(owner, known);
  return known;
}

export interface DefaultGrantRow {
  readonly owner: number;
  readonly schema: string | null;
  readonly grantee: number;
  readonly privileges: Privilege[];
}

/** What tables made later will be granted (PostgreSQL docs, ALTER DEFAULT PRIVILEGES). */
export function readDefaultGrants(session: Session): Promise<DefaultGrantRow[]> {
  return session.query(`
    select d.defaclrole as owner, n.nspname as schema, a.grantee, array_agg(a.privilege_type order by a.privilege_type) as privileges
    from pg_catalog.pg_default_acl d
    left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
    cross join pg_catalog.aclexplode(d.defaclacl) a
    where d.defaclobjtype = 'r'
    group by 1, 2, 3
    order by 1, 2, 3
  `);
}
