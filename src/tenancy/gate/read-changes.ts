import type { Session } from '../../postgres/session.ts';
import type { TenancySettings } from '../settings.ts';
import { type Changes, NO_CHANGES } from './changes.ts';
import { type Call, isOwn } from './guard.ts';
import { FIRST_OF_USERS, isOpaque } from './read-state.ts';
import type { Watched } from './state.ts';

// What a file in hand has changed, without a look at what it has not: its transaction knows which rows are its own, and
// the other session what these were before.

/** What the file's own transaction says. Lists are OIDs, each with what tells it apart. */
interface Own {
  /** Tables that it wrote to: OID, with RLS, forced, owner and schema. */
  readonly tables: readonly (readonly [number, boolean, boolean, string])[] | null;
  /** Policies: OID, table, transaction that wrote it. Where some may be gone, all of them. */
  readonly policies: readonly PolicyEntry[] | null;
  /** Functions that it wrote: OID, transaction that wrote it. */
  readonly functions: readonly (readonly [number, string])[] | null;
  /** A view or SECURITY DEFINER function that it wrote, or a view on one, is open to an API role. */
  readonly opens: boolean | null;
}

type PolicyEntry = readonly [oid: number, table: number, version: string];

/** The same objects before. */
interface Before {
  readonly isolates: boolean;
  readonly tables: readonly (readonly [number, boolean, string])[] | null;
  readonly policies: readonly PolicyEntry[] | null;
  readonly functions: readonly (readonly [number, string])[] | null;
}

/** What the file that called has changed. */
export async function readChanges(
  session: Session,
  committed: Session,
  { touched, dropsPolicies, changesRights }: Call,
  { apiRoles, roles }: TenancySettings,
): Promise<Changes> {
  if (touched.size === 0) return NO_CHANGES;
  const [own] = await session.query<Own>(ownSql(touched, dropsPolicies), [[...apiRoles, ...roles]]);
  const { tables, policies, functions, opens } = own!;
  const oids = (rows: readonly (readonly [number, ...unknown[]])[] | null) => (rows ?? []).map(([oid]) => oid);
  const before = await readBefore(committed, [oids(tables), dropsPolicies ? null : oids(policies), oids(functions)]);
  if (!before.isolates) return NO_CHANGES;
  const was = new Map(before.tables?.map(([oid, ...rest]) => [oid, rest]));
  const kept = (tables ?? []).flatMap(([oid, ...now]) => {
    const known = was.get(oid);
    return known === undefined ? [] : [{ oid, now, was: known }];
  });
  const reworded = changedPolicies(before.policies ?? [], policies ?? []);
  const versions = new Map(before.functions);
  return {
    isolates: true,
    tables: kept.filter(({ now, was: [forced] }) => !now[0] || (forced && !now[1])).map(({ oid }) => oid),
    ...reworded,
    functions: (functions ?? []).filter(([oid, version]) => versions.get(oid) !== version).map(([oid]) => oid),
    ways:
      opens === true ||
      changesRights ||
      // Forced, its owner does not matter.
      kept.some(({ now: [isSecured, forced, place], was: [, before] }) => isSecured && !forced && place !== before),
  };
}

function changedPolicies(
  before: readonly PolicyEntry[],
  after: readonly PolicyEntry[],
): Pick<Changes, 'policies' | 'policiesOf'> {
  const was = new Map(before.map(([oid, , version]) => [oid, version]));
  const now = new Set(after.map(([oid]) => oid));
  const changed = after.filter(([oid, , version]) => was.get(oid) !== version);
  const gone = before.filter(([oid]) => !now.has(oid));
  return {
    policies: changed.map(([oid]) => oid),
    policiesOf: [...new Set([...changed, ...gone].map(([, table]) => table))],
  };
}

const listed = (columns: string) => `pg_catalog.json_agg(pg_catalog.json_build_array(${columns}))`;

function ownSql(touched: ReadonlySet<Watched>, dropsPolicies: boolean): string {
  const where = (catalog: Watched, sql: string) => (touched.has(catalog) ? `(${sql})` : 'null');
  const opens = [
    ...(VIEWS.some((catalog) => touched.has(catalog)) ? [OPENS_VIEW] : []),
    ...(touched.has('pg_proc') ? [OPENS_FUNCTION] : []),
    'false',
  ];
  return `select
    ${where(
      'pg_class',
      `select ${listed(`oid::int8, relrowsecurity, relforcerowsecurity, relowner || ',' || relnamespace`)}
      from (select c.* from pg_catalog.pg_class c where ${isOwn('c')} offset 0) own
      where relkind in ('r', 'p') and relpersistence <> 't'`,
    )} as tables,
    ${where(
      'pg_policy',
      `select ${listed('oid::int8, polrelid::int8, xmin::text')} from pg_catalog.pg_policy p ${dropsPolicies ? '' : `where ${isOwn('p')}`}`,
    )} as policies,
    ${where(
      'pg_proc',
      `select ${listed('oid::int8, xmin::text')} from pg_catalog.pg_proc p where oid >= ${FIRST_OF_USERS} and ${isOwn('p')}`,
    )} as functions,
    $1::name[] is not null and (${opens.join(' or ')}) as opens`;
}

/** Where something about a view is written. */
const VIEWS: readonly Watched[] = ['pg_class', 'pg_rewrite', 'pg_attribute'];

// A view is read through those that stand on it, and is open only where it reads as its owner.
const OPENS_VIEW = `exists (
  with recursive written as (
    select v.oid
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm')
    where r.oid >= ${FIRST_OF_USERS}
      and (
        ${isOwn('r')} or ${isOwn('v')}
        or exists (
          select from pg_catalog.pg_attribute a
          where a.attrelid = v.oid and a.attacl is not null and ${isOwn('a')}
        )
      )
    union
    select r.ev_class
    from written w
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      and d.refobjid = w.oid
      and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    join pg_catalog.pg_rewrite r on r.oid = d.objid
  )
  select from written w
  join pg_catalog.pg_class v on v.oid = w.oid and ${isOpaque('v')}
  join pg_catalog.pg_roles client on client.rolname = any ($1::name[])
  where pg_catalog.has_any_column_privilege(client.oid, v.oid, 'select, insert, update')
    or pg_catalog.has_table_privilege(client.oid, v.oid, 'delete')
)`;

const OPENS_FUNCTION = `exists (
  select from pg_catalog.pg_proc p
  join pg_catalog.pg_roles client on client.rolname = any ($1::name[])
  where p.oid >= ${FIRST_OF_USERS} and ${isOwn('p')} and p.prosecdef
    and pg_catalog.has_function_privilege(client.oid, p.oid, 'execute')
)`;

/** Said the same way each time, and so planned once. Policies: all of them, where no list is given. */
const BEFORE = `select
  exists (select from pg_catalog.pg_class where relrowsecurity and relpersistence <> 't') as isolates,
  (
    select ${listed(`oid::int8, relforcerowsecurity, relowner || ',' || relnamespace`)}
    from pg_catalog.pg_class where oid = any ($1::oid[]) and relrowsecurity
  ) as tables,
  (
    select ${listed('oid::int8, polrelid::int8, xmin::text')}
    from pg_catalog.pg_policy where $2::oid[] is null or oid = any ($2::oid[])
  ) as policies,
  (
    select ${listed('oid::int8, xmin::text')} from pg_catalog.pg_proc where oid = any ($3::oid[])
  ) as functions
`;

async function readBefore(committed: Session, values: readonly unknown[]): Promise<Before> {
  // The connection is the program's own: what is prepared there stays.
  const { rows } = await committed.client.query<Before>({ name: 'aisha_db_before', text: BEFORE, values: [...values] });
  return rows[0]!;
}
