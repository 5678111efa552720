import type { Session } from '../../postgres/session.ts';
import type { TenancySettings } from '../settings.ts';
import { type Changes, NO_CHANGES } from './changes.ts';
import { type Call, isOwn } from './guard.ts';
import { FIRST_OF_USERS, isOpaque } from './read-state.ts';
import type { Watched } from './state.ts';

// What a file in hand has changed, without a look at what it has not: its transaction knows which rows are its own, and
// the other session what these were before.

type TableEntry = readonly [oid: number, isSecured: boolean, forced: boolean, place: string];
type PolicyEntry = readonly [oid: number, table: number, version: string];
type FunctionEntry = readonly [oid: number, version: string];

/** What one side says of what the file wrote; `null` where there is nothing. */
interface Touched {
  readonly tables: readonly TableEntry[] | null;
  /** All of the tables that have one of the file's own. */
  readonly policies: readonly PolicyEntry[] | null;
  /** How many policies there are; `null` when it does not matter. */
  readonly policyCount: number | null;
  readonly functions: readonly FunctionEntry[] | null;
}

interface Own extends Touched {
  /** A view or SECURITY DEFINER function that it wrote, or a view on one, is open to an API role. */
  readonly opens: boolean;
}

interface Before extends Touched {
  readonly isolates: boolean;
}

/** What the file that called has changed. */
export async function readChanges(
  session: Session,
  committed: Session,
  { touched, changesRights }: Call,
  { apiRoles, roles }: TenancySettings,
): Promise<Changes> {
  if (touched.size === 0) return NO_CHANGES;
  const [own] = await session.query<Own>(ownSql(touched), [[...apiRoles, ...roles]]);
  const before = await readBefore(committed, own!);
  if (!before.isolates) return NO_CHANGES;
  const was = new Map(before.tables?.map((entry) => [entry[0], entry]));
  const kept = (own!.tables ?? []).flatMap((now) => {
    const known = was.get(now[0]);
    return known?.[1] ? [{ now, was: known }] : [];
  });
  const reworded = changedPolicies(before, own!);
  const isGone = countOthers(before) !== countOthers(own!);
  const versions = new Map(before.functions);
  return {
    isolates: true,
    tables: kept.flatMap(({ now: [oid, isSecured, forced], was: [, , wasForced] }) =>
      !isSecured || (wasForced && !forced) ? [oid] : [],
    ),
    policies: reworded.policies,
    policiesOf: isGone ? [...reworded.policiesOf, ...(await findDropped(session, committed))] : reworded.policiesOf,
    functions: (own!.functions ?? []).filter(([oid, version]) => versions.get(oid) !== version).map(([oid]) => oid),
    ways:
      own!.opens ||
      changesRights ||
      // Forced, its owner does not matter.
      kept.some(
        ({ now: [, isSecured, forced, place], was: [, , , before] }) => isSecured && !forced && place !== before,
      ),
  };
}

function changedPolicies(before: Touched, after: Touched): Pick<Changes, 'policies' | 'policiesOf'> {
  const was = new Map(before.policies?.map(([oid, , version]) => [oid, version]));
  const now = new Set(after.policies?.map(([oid]) => oid));
  const changed = (after.policies ?? []).filter(([oid, , version]) => was.get(oid) !== version);
  const gone = (before.policies ?? []).filter(([oid]) => !now.has(oid));
  return {
    policies: changed.map(([oid]) => oid),
    policiesOf: [...new Set([...changed, ...gone].map(([, table]) => table))],
  };
}

/** Policies of tables that the file made none for: some are gone when it leaves fewer than there were. */
function countOthers({ policyCount, policies }: Touched): number {
  return policyCount === null ? 0 : policyCount - (policies?.length ?? 0);
}

/** Tables of policies that are gone. */
async function findDropped(session: Session, committed: Session): Promise<number[]> {
  const read = async (one: Session) => {
    const [row] = await one.query<{ oids: number[]; tables: number[] }>(`
      select pg_catalog.array_agg(oid order by oid) as oids, pg_catalog.array_agg(polrelid order by oid) as tables
      from pg_catalog.pg_policy
    `);
    return { oids: row!.oids ?? [], tables: row!.tables ?? [] };
  };
  const [before, after] = await Promise.all([read(committed), read(session)]);
  const left = new Set(after.oids);
  return [...new Set(before.oids.flatMap((oid, at) => (left.has(oid) ? [] : [before.tables[at]!])))];
}

// ── the questions ───────────────────────────────────────────────────────────────────────────────────────────────────

const listed = (columns: string) => `pg_catalog.json_agg(pg_catalog.json_build_array(${columns}))`;
const TABLE = `oid::int8, relrowsecurity, relforcerowsecurity, relowner || ',' || relnamespace`;
const POLICY = 'oid::int8, polrelid::int8, xmin::text';
const FUNCTION = 'oid::int8, xmin::text';
const COUNT = '(select pg_catalog.count(*)::int4 from pg_catalog.pg_policy)';

/** Where something about a view is written. */
const OF_VIEWS: readonly Watched[] = ['pg_class', 'pg_rewrite', 'pg_attribute'];

function ownSql(touched: ReadonlySet<Watched>): string {
  const where = (catalog: Watched, sql: string) => (touched.has(catalog) ? `(${sql})` : 'null');
  const opens = [
    ...(OF_VIEWS.some((catalog) => touched.has(catalog)) ? [OPENS_VIEW] : []),
    ...(touched.has('pg_proc') ? [OPENS_FUNCTION] : []),
    'false',
  ];
  return `select
    ${where(
      'pg_class',
      `select ${listed(TABLE)}
      from (select c.* from pg_catalog.pg_class c where ${isOwn('c')} offset 0) own
      where relkind in ('r', 'p') and relpersistence <> 't'`,
    )} as tables,
    ${where(
      'pg_policy',
      `select ${listed(POLICY)} from pg_catalog.pg_policy
      where polrelid = any (array(select p.polrelid from pg_catalog.pg_policy p where ${isOwn('p')}))`,
    )} as policies,
    ${where('pg_policy', COUNT)} as "policyCount",
    ${where('pg_proc', `select ${listed(FUNCTION)} from pg_catalog.pg_proc p where oid >= ${FIRST_OF_USERS} and ${isOwn('p')}`)} as functions,
    $1::name[] is not null and (${opens.join(' or ')}) as opens`;
}

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

const BEFORE = `select
  exists (select from pg_catalog.pg_class where relrowsecurity and relpersistence <> 't') as isolates,
  (select ${listed(TABLE)} from pg_catalog.pg_class where oid = any ($1::oid[])) as tables,
  (select ${listed(POLICY)} from pg_catalog.pg_policy where polrelid = any ($2::oid[])) as policies,
  case when $3 then ${COUNT} end as "policyCount",
  (select ${listed(FUNCTION)} from pg_catalog.pg_proc where oid = any ($4::oid[])) as functions
`;

/** Said the same way each time, and planned once: the connection is the program's own, and what is prepared there stays. */
async function readBefore(committed: Session, { tables, policies, policyCount, functions }: Own): Promise<Before> {
  const oids = (rows: readonly (readonly [number, ...unknown[]])[] | null) => (rows ?? []).map(([oid]) => oid);
  const policiesOf = [...new Set(policies?.map(([, table]) => table))];
  const values = [oids(tables), policiesOf, policyCount !== null, oids(functions)];
  const { rows } = await committed.client.query<Before>({ name: 'aisha_db_before', text: BEFORE, values });
  return rows[0]!;
}
