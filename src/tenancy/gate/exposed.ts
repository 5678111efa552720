import type { Session } from '../../postgres/session.ts';
import type { TenancySettings } from '../settings.ts';
import type { Exposed, Successor } from './changes.ts';

// A table that is read through another one, as its partition or child, is read under the policies of that one alone
// (PostgreSQL docs, 5.9 Row Security Policies and 5.10 Inheritance). So are rows of a table that are asked for by the name
// of the partition or child that holds them.

/** Partitions and children, by the pair: not those of indexes. */
export type Inherits = readonly (readonly [child: number, parent: number])[];

export async function readInherits(session: Session): Promise<Inherits> {
  const [row] = await session.query<{ pairs: Inherits }>(`
    select coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(i.inhrelid::int8, i.inhparent::int8)), '[]') as pairs
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where c.relkind in ('r', 'p', 'f')
  `);
  return row!.pairs;
}

/** A table that was isolated, and one through which its rows are read. */
export interface Reading extends Omit<Exposed, 'roles'> {
  /** It is a partition or child of the table: that counts where it has no policies of its own. */
  readonly isBelow: boolean;
}

/** Through which tables those that were isolated are read now, at whatever distance. */
export function readingsOf(
  before: Inherits,
  after: Inherits,
  isolated: ReadonlySet<number>,
  successors: readonly Successor[],
): Reading[] {
  const predecessors = new Map(successors.map(({ table, instead }) => [table, instead]));
  const [was, now] = [parentsIn(before), parentsIn(after)];
  return [...now.keys()].flatMap((table) => {
    const instead = isolated.has(table) ? table : predecessors.get(table);
    const [ancestors, known] = [ancestorsOf(table, now), ancestorsOf(instead ?? table, was)];
    return [...ancestors].flatMap((other): Reading[] => {
      const wasThere = known.has(other);
      if (instead !== undefined) return [{ table, instead, through: other, wasThere, isBelow: false }];
      // What comes to be a partition brings its own rows with it.
      if (!wasThere || !isolated.has(other)) return [];
      return [{ table: other, instead: other, through: table, wasThere, isBelow: true }];
    });
  });
}

/** What API roles may do with tables, by OID: `anon select`. Of those that have no RLS it is said. */
export type Rights = ReadonlyMap<number, TableRights>;

interface TableRights {
  readonly isSecured: boolean;
  readonly rights: readonly (readonly [role: string, right: string])[];
}

/** As things are in the session. */
export async function readRights(
  session: Session,
  tables: readonly number[],
  { apiRoles, roles }: TenancySettings,
): Promise<Rights> {
  if (tables.length === 0) return new Map();
  const [row] = await session.query<{ rights: [number, TableRights][] }>(RIGHTS, [
    [...new Set(tables)],
    [...apiRoles, ...roles],
  ]);
  return new Map(row!.rights);
}

const RIGHTS = `
  select coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::int8, pg_catalog.json_build_object(
    'isSecured', c.relrowsecurity,
    'rights', (
      select coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(client.rolname, kind.name)), '[]')
      from pg_catalog.pg_roles client
      cross join pg_catalog.unnest('{select,insert,update,delete}'::text[]) kind (name)
      where client.rolname = any ($2::name[])
        and pg_catalog.has_schema_privilege(client.oid, c.relnamespace, 'usage')
        and case kind.name
          when 'delete' then pg_catalog.has_table_privilege(client.oid, c.oid, kind.name)
          else pg_catalog.has_any_column_privilege(client.oid, c.oid, kind.name)
        end
    )
  ))), '[]') as rights
  from pg_catalog.pg_class c
  where c.oid = any ($1::oid[])
`;

/** Those ways to read that API roles have now and did not have before. */
export function exposedBy(readings: readonly Reading[], before: Rights, after: Rights): Exposed[] {
  return readings.flatMap(({ isBelow, ...reading }) => {
    const now = after.get(reading.through);
    if (now === undefined || (isBelow && now.isSecured)) return [];
    const known = new Set((reading.wasThere ? before.get(reading.through)?.rights : [])?.map((one) => one.join(' ')));
    const roles = now.rights.filter((one) => !known.has(one.join(' '))).map(([role]) => role);
    return roles.length === 0 ? [] : [{ ...reading, roles: [...new Set(roles)].sort() }];
  });
}

type Parents = ReadonlyMap<number, readonly number[]>;

function parentsIn(pairs: Inherits): Parents {
  const parents = new Map<number, number[]>();
  for (const [child, parent] of pairs) {
    const known = parents.get(child);
    if (known === undefined) parents.set(child, [parent]);
    else known.push(parent);
  }
  return parents;
}

function ancestorsOf(table: number, parents: Parents): Set<number> {
  const found = new Set(parents.get(table));
  // What is added on the way is gone through as well.
  for (const one of found) for (const parent of parents.get(one) ?? []) found.add(parent);
  return found;
}
