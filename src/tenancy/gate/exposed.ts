import type { Session } from '../../postgres/session.ts';
import type { TenancySettings } from '../settings.ts';
import type { Exposed, Successor } from './changes.ts';
import { mayUse } from './read-state.ts';

// A table that is read through another one, as its partition or child, is read under the policies of that one alone
// (PostgreSQL docs, 5.9 Row Security Policies and 5.10 Inheritance).

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

/** Tables that were isolated, and those through which they are read now and were not before, at whatever distance. */
export function exposedBetween(
  before: Inherits,
  after: Inherits,
  isolated: ReadonlySet<number>,
  successors: readonly Successor[],
): Exposed[] {
  const predecessors = new Map(successors.map(({ table, instead }) => [table, instead]));
  const [was, now] = [parentsIn(before), parentsIn(after)];
  return [...now.keys()].flatMap((table) => {
    const instead = isolated.has(table) ? table : predecessors.get(table);
    if (instead === undefined) return [];
    const known = ancestorsOf(instead, was);
    return [...ancestorsOf(table, now)]
      .filter((through) => !known.has(through))
      .map((through) => ({ table, instead, through }));
  });
}

/** Those of them that API roles may use, as things are in the session. */
export async function readUsed(
  session: Session,
  exposed: readonly Exposed[],
  { apiRoles, roles }: TenancySettings,
): Promise<readonly Exposed[]> {
  if (exposed.length === 0) return exposed;
  const [row] = await session.query<{ oids: number[] }>(USED, [
    [...new Set(exposed.map(({ through }) => through))],
    [...apiRoles, ...roles],
  ]);
  return exposed.filter(({ through }) => row!.oids.includes(through));
}

const USED = `
  select coalesce(pg_catalog.array_agg(c.oid), '{}') as oids
  from pg_catalog.pg_class c
  where c.oid = any ($1::oid[]) and exists (
    select from pg_catalog.pg_roles client
    where client.rolname = any ($2::name[])
      and pg_catalog.has_schema_privilege(client.oid, c.relnamespace, 'usage')
      and ${mayUse('client', 'c')}
  )
`;

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
