import { quoteLiteral } from '../../postgres/quote.ts';
import type { Preparable, Session } from '../../postgres/session.ts';
import { namesOf } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { type Changes, NO_CHANGES, type Successor } from './changes.ts';
import { exposedBy, readInherits, readingsOf, readRights } from './exposed.ts';
import type { Call } from './guard.ts';
import {
  FIRST_OF_USERS,
  FUNCTIONS_OF,
  isOwn,
  LEAVES_CALLER,
  type OwnRows,
  ownRowsSql,
  POLICIES_OF,
  RELATIONS_OF,
  type RelationEntry,
} from './own-rows.ts';
import { type Isolation, isOpaque, isolationSql, mayUse, readSecured } from './read-state.ts';
import { type Focus, type GateState, MOST_AT_ONCE, NO_WAYS } from './state.ts';
import type { Told } from './telling.ts';

// What a file in hand has changed, without a look at what it has not: its transaction knows which rows are its own, and
// the other session what these were before.

/** What the file's rows were before it. */
interface Before extends Pick<OwnRows, 'relations' | 'policies' | 'functions'> {
  readonly isolates: boolean;
  /** Some of the relations are partitions or children, or have some. */
  readonly related: boolean;
  /** Tables with RLS that bore the names that tables of the file's have now, by the place of those. */
  readonly predecessors: readonly (readonly [place: number, oid: number, forced: boolean])[] | null;
  /** Of the tables that were asked for. */
  readonly isolation: Isolation;
}

/** What a file in hand has changed, and both sides of what it most likely did, read with that. */
export interface Read {
  readonly changes: Changes;
  readonly sides: Sides | undefined;
  /** What the other session told of what is around tables. */
  readonly around?: string | undefined;
}

export interface Sides {
  readonly tables: readonly number[];
  readonly was: Isolation;
  readonly now: Isolation;
}

/** What the end of the file told already. */
interface ToldAhead extends Told {
  /** Nothing may be said in its session before then. */
  readonly at: Promise<unknown> | undefined;
  /** To be asked of the other session as well. */
  readonly around: Preparable | undefined;
}

/** A file in hand that called. */
export interface InHand {
  readonly call: Call;
  /** Its session, and the one that sees what was there before. */
  readonly session: Session;
  readonly committed: Session;
  /** Statements behind which the session is at the file's end. */
  readonly back: readonly string[];
  readonly told?: ToldAhead | undefined;
  /** The statement that tells of tables; see `Guard`. */
  readonly isolation: (tables: readonly number[]) => string;
}

/** What the file that called has changed. */
export async function readChanges(inHand: InHand, tenancy: TenancySettings): Promise<Read> {
  const { apiRoles, roles } = tenancy;
  const { call, session, committed, told } = inHand;
  const tables = told?.tables ?? tablesToAsk(call);
  const nowAt = told ? Promise.resolve(told.at).then(() => told.isolation) : bringBack(inHand, tables);
  if (call.touched.size === 0 || call.own === undefined) await nowAt;
  if (call.touched.size === 0) return NOTHING;
  const own = call.own ?? (await readOwn(session));
  // Of tables alone, what they were themselves tells whether anything is isolated.
  const isMore =
    call.changesRights ||
    call.touched.has('pg_db_role_setting') ||
    call.touched.has('pg_policy') ||
    own.functions !== null ||
    own.inherits !== null ||
    touchesRules(own);
  const opensAt = nowAt.then(() => !call.changesRights && opensWay(session, own, [...apiRoles, ...roles]));
  const [before, now, opens] = await Promise.all([readBefore(inHand, own, isMore, tables), nowAt, opensAt]);
  if (!before.isolates) return NOTHING;
  const kept = keptTables(before, own);
  const reworded = changedPolicies(before, own);
  const successors = successorsOf(before, own);
  const { exposed, isReadElsewhere } = await readExposed(inHand, own, before, successors, tenancy);
  const versions = new Map((before.functions ?? []).map(([oid, version]) => [oid, version]));
  const changes: Changes = {
    isolates: true,
    tables: kept.flatMap(({ now: [oid, , isSecured, forced], was: [, , , wasForced] }) =>
      !isSecured || (wasForced && !forced) ? [oid] : [],
    ),
    policies: reworded.policies,
    policiesOf:
      call.policiesDeleted > reworded.gone.length
        ? [...reworded.policiesOf, ...(await findDropped(session, committed))]
        : reworded.policiesOf,
    views: changedViews(before, own, call),
    functions: (own.functions ?? []).filter(([oid, version]) => versions.get(oid) !== version).map(([oid]) => oid),
    ways:
      call.changesRights ||
      opens ||
      isReadElsewhere ||
      kept.some(({ now: [, , isSecured, , place], was: [, , , , before] }) => isSecured && place !== before),
    successors,
    exposed,
    defaults: call.touched.has('pg_db_role_setting'),
  };
  return { changes, sides: now && { tables, was: before.isolation, now }, around: before.around };
}

/** What is asked for, when all of it was read already. */
export function knownStates({ tables, was, now }: Sides, focus: Focus): readonly [GateState, GateState] | undefined {
  if (focus.ways || focus.defaults || [...focus.tables, ...focus.policiesOf].some((oid) => !tables.includes(oid)))
    return undefined;
  const inFocus = ({ tables: read, policies }: Isolation): GateState => ({
    tables: read.filter(({ oid }) => focus.tables.includes(oid)),
    policies: policies.filter(({ table }) => focus.policiesOf.includes(table)),
    ...NO_WAYS,
  });
  return [inFocus(was), inFocus(now)];
}

const NOTHING: Read = { changes: NO_CHANGES, sides: undefined };

/** Tables whose policies the file wrote. */
function tablesToAsk({ own, isPrepared }: Call): readonly number[] {
  const tables = [...new Set(own?.policies?.map(([, table]) => table))];
  return isPrepared && tables.length <= MOST_AT_ONCE ? tables : [];
}

async function bringBack(
  { session, back, isolation }: InHand,
  tables: readonly number[],
): Promise<Isolation | undefined> {
  // To the end of the transaction: whatever is asked in it, planning takes longer than the answer.
  const asking = ['set local plan_cache_mode = force_generic_plan', ...(tables.length > 0 ? [isolation(tables)] : [])];
  const { error, values } = await session.script([[...back, ...asking].join(';')], { keepValues: true });
  if (error) throw error;
  const told = tables.length > 0 ? values.at(-1) : undefined;
  return told == null ? undefined : JSON.parse(told);
}

async function readOwn(session: Session): Promise<OwnRows> {
  const [row] = await session.query<{ own: OwnRows }>(`select ${ownRowsSql(() => 'false')} as own`);
  return row!.own;
}

interface Kept {
  readonly was: RelationEntry;
  readonly now: RelationEntry;
}

/** Tables that had RLS. */
function keptTables(before: Before, own: OwnRows): Kept[] {
  const was = new Map((before.relations ?? []).map((entry) => [entry[0], entry]));
  return tablesOf(own).flatMap((now) => {
    const known = was.get(now[0]);
    return known?.[2] ? [{ now, was: known }] : [];
  });
}

/** Views that policies may look at: not new ones, unless one may have come in the place of something else. */
function changedViews(before: Before, own: OwnRows, { dropsRelations }: Call): number[] {
  const was = new Set(before.relations?.map(([oid]) => oid));
  const mayReplace = dropsRelations || own.named?.some(([, , , wasThere]) => wasThere) === true;
  return viewsOf(own).filter((oid) => mayReplace || was.has(oid));
}

const viewsOf = ({ relations, rules }: OwnRows) => [
  ...new Set([...(relations ?? []).filter(isView).map(([oid]) => oid), ...(rules ?? [])]),
];

function successorsOf({ predecessors }: Before, { named }: OwnRows): Successor[] {
  return (predecessors ?? []).flatMap(([place, instead, wasForced]) => {
    const [table, , , wasThere] = named![place - 1]!;
    return table === instead ? [] : [{ table, instead, wasThere, wasForced }];
  });
}

/** Through which tables those that were isolated are newly read, and whether any is where none was before. */
async function readExposed(
  { call, session, committed }: InHand,
  { inherits, relations, grants }: OwnRows,
  { related }: Before,
  successors: readonly Successor[],
  tenancy: TenancySettings,
): Promise<Pick<Changes, 'exposed'> & { readonly isReadElsewhere: boolean }> {
  // A table that is neither older than the file nor takes the place of one holds nothing that was isolated.
  const isAttached = inherits?.some(([oid, isOld]) => isOld || successors.some(({ table }) => table === oid)) === true;
  const isAnybodys = call.changesRights || grants;
  if (!isAttached && !isAnybodys && !related) return { exposed: [], isReadElsewhere: false };
  const [before, isolated] = [await readInherits(committed), await readSecured(committed)];
  const touched = new Set(relations?.map(([oid]) => oid));
  const readings = readingsOf(before, await readInherits(session), isolated, successors).filter(
    ({ wasThere, through }) => !wasThere || isAnybodys || touched.has(through),
  );
  const known = readings.flatMap(({ wasThere, through }) => (wasThere ? [through] : []));
  const was = await readRights(committed, known, tenancy);
  const now = await readRights(
    session,
    readings.map(({ through }) => through),
    tenancy,
  );
  return { exposed: exposedBy(readings, was, now), isReadElsewhere: known.length < readings.length };
}

const isView = ([, kind]: RelationEntry) => kind === 'v' || kind === 'm';
const tablesOf = ({ relations }: OwnRows) => (relations ?? []).filter((entry) => !isView(entry));

function changedPolicies(
  before: Before,
  after: OwnRows,
): Pick<Changes, 'policies' | 'policiesOf'> & { readonly gone: readonly unknown[] } {
  const was = new Map(before.policies?.map(([oid, , version]) => [oid, version]));
  const now = new Set(after.policies?.map(([oid]) => oid));
  const changed = (after.policies ?? []).filter(([oid, , version]) => was.get(oid) !== version);
  const gone = (before.policies ?? []).filter(([oid]) => !now.has(oid));
  return {
    policies: changed.map(([oid]) => oid),
    policiesOf: [...new Set([...changed, ...gone].map(([, table]) => table))],
    gone,
  };
}

/** Tables of policies that are gone: those of tables that the file made none for have left no row that would tell. */
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

/** The file wrote something about a view, or a table with rules. */
function touchesRules({ rules, grants, relations }: OwnRows): boolean {
  return rules !== null || grants || relations?.some(([, , , , , hasRules]) => hasRules) === true;
}

/** What the file wrote, or what stands on it, is open to an API role: a view, rule or function that runs as somebody else. */
async function opensWay(session: Session, own: OwnRows, clients: readonly string[]): Promise<boolean> {
  const ways = [
    ...(touchesRules(own) ? [OPENS_VIEW_OR_RULE] : []),
    ...(own.functions?.some(([, , leavesCaller]) => leavesCaller) ? [OPENS_FUNCTION] : []),
  ];
  if (ways.length === 0) return false;
  const [row] = await session.query<{ opens: boolean }>(`select ${ways.join(' or ')} as opens`, [clients]);
  return row!.opens;
}

// A view is read through those that stand on it, and is open only where it reads as its owner; what a rule does it does as
// the owner in any case. Row by row, by index: else the planner reads all dependencies of the catalog.
const OPENS_VIEW_OR_RULE = `exists (
  with recursive written as (
    select v.oid
    from (select r.ev_class, r.xmin from pg_catalog.pg_rewrite r where r.oid >= ${FIRST_OF_USERS} offset 0) r
    cross join lateral (select v.oid, v.xmin from pg_catalog.pg_class v where v.oid = r.ev_class offset 0) v
    where ${isOwn('r')} or ${isOwn('v')}
      or exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = v.oid and a.attacl is not null and ${isOwn('a')}
      )
    union
    select r.ev_class
    from written w
    cross join lateral (
      select d.objid
      from pg_catalog.pg_depend d
      where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refobjid = w.oid
        and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      offset 0
    ) d
    cross join lateral (select r.ev_class from pg_catalog.pg_rewrite r where r.oid = d.objid offset 0) r
  )
  select from written w
  cross join lateral (
    select v.oid
    from pg_catalog.pg_class v
    where v.oid = w.oid and (
      ${isOpaque('v')}
      or exists (select from pg_catalog.pg_rewrite r where r.ev_class = v.oid and r.ev_type <> '1')
    )
    offset 0
  ) v
  join pg_catalog.pg_roles client on client.rolname = any ($1::name[])
  where ${mayUse('client', 'v')}
)`;

const OPENS_FUNCTION = `exists (
  select from pg_catalog.pg_proc p
  join pg_catalog.pg_roles client on client.rolname = any ($1::name[])
  where p.oid >= ${FIRST_OF_USERS} and ${isOwn('p')} and ${LEAVES_CALLER}
    and pg_catalog.has_function_privilege(client.oid, p.oid, 'execute')
)`;

const BEFORE: Preparable = {
  sql: `select pg_catalog.json_build_object(
    'isolates', not $4 or exists (select from pg_catalog.pg_class where relrowsecurity and relpersistence <> 't'),
    'relations', ${RELATIONS_OF('oid = any ($1)')},
    'policies', ${POLICIES_OF('polrelid = any ($2)')},
    'functions', ${FUNCTIONS_OF('oid = any ($3)')},
    'isolation', ${isolationSql('$5', '$5')},
    'related', exists (select from pg_catalog.pg_inherits where inhrelid = any ($1) or inhparent = any ($1)),
    'predecessors', (
      select pg_catalog.json_agg(pg_catalog.json_build_array(wanted.place, c.oid::int8, c.relforcerowsecurity))
      from rows from (pg_catalog.unnest($6), pg_catalog.unnest($7)) with ordinality wanted (schema, name, place)
      cross join lateral (
        select c.oid, c.relforcerowsecurity
        from pg_catalog.pg_class c
        where c.relname = wanted.name and c.relnamespace = wanted.schema and c.relrowsecurity offset 0
      ) c
    )
  )`,
  types: ['oid[]', 'oid[]', 'oid[]', 'bool', 'oid[]', 'oid[]', 'name[]'],
};

async function readBefore(
  { committed, told }: InHand,
  own: OwnRows,
  asksWhetherAny: boolean,
  tables: readonly number[],
): Promise<Before & { readonly around: string | undefined }> {
  const list = (oids: readonly number[]) => quoteLiteral(`{${oids.join(',')}}`);
  const oids = (rows: readonly (readonly [number, ...unknown[]])[] | null) => list((rows ?? []).map(([oid]) => oid));
  const given = [
    list([...tablesOf(own).map(([oid]) => oid), ...viewsOf(own)]),
    list([...new Set(own.policies?.map(([, table]) => table))]),
    oids(own.functions),
    String(asksWhetherAny),
    list(tables),
    list((own.named ?? []).map(([, schema]) => schema)),
    quoteLiteral(namesOf((own.named ?? []).map(([, , name]) => name))),
  ];
  const around = told?.around === undefined ? [] : committed.executing(told.around, []);
  const asking = [...committed.executing(BEFORE, given), ...around];
  const { values, error } = await committed.script([asking.join(';')], { keepValues: true });
  if (error) throw error;
  return { ...(JSON.parse(values[0]!) as Before), around: values[1] ?? undefined };
}
