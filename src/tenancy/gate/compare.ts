import { groupBy } from '../../group-by.ts';
import { quoteIdentifier, quoteQualified } from '../../postgres/quote.ts';
import type { Named } from '../facts.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import type { Exposed, Successor } from './changes.ts';
import type { GatePolicy, GateState, OpenTable, SecuredTable, SessionDefault, WayAround } from './state.ts';
import { commandsOf, isStricter } from './stricter.ts';

/** Something that isolates less than before. */
export interface Worsening {
  /** As exceptions name it: `public.contacts`, `public.lookup(text)`. */
  readonly object: string;
  /** What happened, as the end of a sentence about the object. */
  readonly what: string;
  /** SQL that mends it, to be put into the file. */
  readonly fix: string | undefined;
}

export interface Comparison {
  readonly worse: readonly Worsening[];
  /** What newly leads around RLS. */
  readonly ways: readonly WayAround[];
  /** Tables that were isolated before and are still, whose policies have to be asked what they open now. */
  readonly suspects: readonly SecuredTable[];
  /** Tables through which others are read now, whose policies have to be asked as well. */
  readonly exposures: readonly Exposure[];
  /** Tables whose policies concern other API roles than before, by what these are members of. */
  readonly concerning: readonly number[];
  /** Tables that had RLS before and have none now. */
  readonly disabled: readonly number[];
  /** What was looked at, in words. */
  readonly looked: readonly string[];
}

interface Exposure extends Omit<Exposed, 'table' | 'through'> {
  readonly table: SecuredTable;
  readonly through: SecuredTable;
}

/**
 * What of the change from one state to the next makes isolation worse, and what only the policies can tell.
 * @param isolated tables that had RLS before, as far as a way leads to them or an API role owns them
 */
export function compareStates(
  before: GateState,
  after: GateState,
  isolated: ReadonlySet<number>,
  successors: readonly Successor[],
  exposed: readonly Exposed[],
): Comparison {
  const kept = keptTables(before, after);
  const wasSecured = new Set(before.tables.flatMap(({ oid, isSecured }) => (isSecured ? [oid] : [])));
  const disabled = after.tables.filter(({ oid, isSecured }) => !isSecured && wasSecured.has(oid));
  const changed = kept.filter(({ now }) => isReworded(before, after, now.oid));
  const places = successors.flatMap((successor) => {
    const table = after.tables.find(({ oid }) => oid === successor.table);
    return table === undefined ? [] : [{ ...successor, table }];
  });
  const tables = new Map(after.tables.map((table) => [table.oid, table]));
  const exposures = exposed.flatMap((one): Exposure[] => {
    const [table, through] = [tables.get(one.table), tables.get(one.through)];
    return table === undefined || through === undefined ? [] : [{ ...one, table, through }];
  });
  const ways = after.ways.filter((way) => isNewlyOpen(way, before, after, isolated));
  return {
    worse: [
      ...disabled.map(switchedOff),
      ...kept.flatMap(({ was, now }) => (was.forced && !now.forced ? [noLongerForced(now)] : [])),
      ...places.flatMap(tookPlace),
      ...exposures.flatMap((exposure) => lessBound(exposure, before)),
      ...changed.flatMap(({ now }) => droppedPolicies(before, after, now)),
      ...after.unbound.filter((role) => !before.unbound.includes(role)).map(newlyUnbound),
      ...newlyOwned(before, after, isolated),
      ...after.defaults.filter((made) => !before.defaults.some((was) => isSameDefault(made, was))).map(newlyMade),
    ],
    ways,
    suspects: [
      ...changed.filter(({ now }) => mayOpen(before, after, now.oid)).map(({ now }) => now),
      ...places.flatMap(({ table }) =>
        table.isSecured && !changed.some(({ now }) => now.oid === table.oid) ? [table] : [],
      ),
    ],
    exposures: exposures.filter(({ through }) => through.isSecured),
    concerning: newlyConcerning(before, after),
    disabled: disabled.map(({ oid }) => oid),
    looked: [
      ...disabled.map((table) => `row-level security of ${displayPath(table)}`),
      ...changed.map(({ now }) => `policies of ${displayPath(now)}`),
      ...places.map(({ table }) => `table ${displayPath(table)}, which bears the name of another`),
      ...exposures.map(
        ({ table, through }) => `table ${displayPath(table)}, which is read through ${displayPath(through)}`,
      ),
      ...ways.map((way) =>
        way.rule ? `rule ${displayName(way.rule.name)} of ${describe(way)}` : `${way.kind} ${describe(way)}`,
      ),
    ],
  };
}

interface Kept {
  readonly was: SecuredTable;
  readonly now: SecuredTable;
}

/** By OID: a table that was renamed or moved is the same one, one that was dropped and made again is new. */
function keptTables(before: GateState, after: GateState): Kept[] {
  const now = new Map(after.tables.filter(({ isSecured }) => isSecured).map((table) => [table.oid, table]));
  return before.tables.flatMap((was) => {
    if (!was.isSecured) return [];
    const found = now.get(was.oid);
    return found === undefined ? [] : [{ was, now: found }];
  });
}

function switchedOff(table: Named): Worsening {
  return {
    object: displayPath(table),
    what: 'row-level security is switched off: its policies are no longer applied',
    fix: `alter table ${sqlName(table)} enable row level security;`,
  };
}

function noLongerForced(table: Named): Worsening {
  return {
    object: displayPath(table),
    what: 'row-level security is no longer forced: its owner, and whatever runs as him, sees every row',
    fix: `alter table ${sqlName(table)} force row level security;`,
  };
}

/** What is new and has no RLS yet may get it from a later file; see `leftOpen`. */
function tookPlace({
  table,
  wasThere,
  wasForced,
}: Omit<Successor, 'table'> & { readonly table: SecuredTable }): Worsening[] {
  if (table.isSecured) return wasForced && !table.forced ? [noLongerForced(table)] : [];
  if (!wasThere) return [];
  return [
    {
      object: displayPath(table),
      what: 'another table without row-level security bears its name now',
      fix: `alter table ${sqlName(table)} enable row level security, force row level security;`,
    },
  ];
}

/** How the report begins what is wrong with the table through which another one is read. */
export function readThrough({ through, wasThere, roles }: Exposure): string {
  const [name, under] = [displayPath(through), 'under the policies of that table alone'];
  return wasThere
    ? `${listNames(roles.map(displayName))} may use ${name} now, through which its rows are read ${under}`
    : `its rows are read through ${name} as well, ${under}`;
}

function lessBound(exposure: Exposure, before: GateState): Worsening[] {
  const { table, through, instead, wasThere } = exposure;
  const isForced = before.tables.some(({ oid, forced }) => oid === instead && forced);
  if (through.isSecured && (through.forced || wasThere || !isForced)) return [];
  return [
    {
      object: displayPath(table),
      what: through.isSecured
        ? `${readThrough(exposure)}, for which row-level security is not forced`
        : `${readThrough(exposure)}, which has no row-level security`,
      fix: `alter table ${sqlName(through)} ${through.isSecured ? '' : 'enable row level security, '}force row level security;`,
    },
  ];
}

// ── policies ────────────────────────────────────────────────────────────────────────────────────────────────────────

function policiesOf({ policies }: GateState, table: number): readonly GatePolicy[] {
  return policies.filter((policy) => policy.table === table);
}

function isReworded(before: GateState, after: GateState, table: number): boolean {
  const text = (state: GateState) =>
    policiesOf(state, table)
      .map(({ oid, meaning }) => `${oid} ${meaning}`)
      .join();
  return text(before) !== text(after);
}

/** Policies that say something new may open more than before; one that restricted and is gone does. */
function mayOpen(before: GateState, after: GateState, table: number): boolean {
  const policies = (state: GateState, isPermissive: boolean) =>
    policiesOf(state, table).filter(({ permissive }) => permissive === isPermissive);
  const opened = policies(before, true);
  const restricts = new Set(policies(after, false).map(({ meaning }) => meaning));
  return (
    policies(after, true).some((now) => !opened.some((was) => was.meaning === now.meaning || isStricter(now, was))) ||
    policies(before, false).some(({ meaning }) => !restricts.has(meaning))
  );
}

/** Of policies that were there and are: one that restricts may concern fewer. */
function newlyConcerning(before: GateState, after: GateState): number[] {
  const keyOf = ({ role, policy }: GateState['concerned'][number]) => `${policy} ${role}`;
  const [was, now] = [before, after].map(({ concerned }) => new Map(concerned.map((one) => [keyOf(one), one.table])));
  const differing = [...was!, ...now!].flatMap(([key, table]) => (was!.has(key) && now!.has(key) ? [] : [table]));
  return [...new Set(differing)];
}

/** Policies that are gone, with nothing new in their place, and not only one of several that open the same. */
function droppedPolicies(before: GateState, after: GateState, table: SecuredTable): Worsening[] {
  const left = policiesOf(after, table.oid);
  const oids = new Set(policiesOf(before, table.oid).map(({ oid }) => oid));
  const created = left.filter(({ oid }) => !oids.has(oid));
  const gone = policiesOf(before, table.oid).filter(({ oid }) => !left.some((policy) => policy.oid === oid));
  return gone
    .filter((policy) => !created.some((other) => other.permissive === policy.permissive))
    .flatMap((policy) => {
      const bare = commandsOf(policy).filter(
        (command) => !left.some((other) => other.permissive && commandsOf(other).includes(command)),
      );
      if (policy.permissive && bare.length === 0) return [];
      const rest = policy.permissive
        ? `no policy is left for ${listNames(bare)}`
        : 'what it restricted is no longer restricted';
      return [
        {
          object: displayPath(table),
          what: `policy ${displayName(policy.name)} is dropped and nothing takes its place: ${rest}`,
          fix: undefined,
        },
      ];
    });
}

/** Tables with the same key get the same answer while roles, schemas and what the API serves stay what they are. */
export function answerKey(table: SecuredTable, state: GateState): string | undefined {
  const policies = policiesOf(state, table.oid);
  // Tables that are asked for their functions come without their policies.
  if (policies.length === 0) return undefined;
  return [table.shape, ...policies.map(({ name, meaning }) => JSON.stringify([name, meaning])).sort()].join('\n');
}

// ── ways around ─────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * True when the way leads further than before, or for more roles. Of what was there already, only
 * tables that were isolated count: to enable RLS behind it is no step back.
 */
function isNewlyOpen(way: WayAround, before: GateState, after: GateState, isolated: ReadonlySet<number>): boolean {
  if (way.servesPolicies) return false;
  const known = before.ways.filter((one) => isSameWay(way, one) || isFormer(one, way, after));
  const isNew = known.length === 0 && !before.objects.includes(way.oid);
  const reach = isNew ? way.tables : (way.tables?.filter((oid) => isolated.has(oid)) ?? null);
  if (reach?.length === 0) return false;
  const covers = ({ roles, tables }: WayAround) =>
    way.roles.every((role) => roles.includes(role)) &&
    (tables === null || reach?.every((oid) => tables.includes(oid)) === true);
  return !known.some(covers);
}

/** What a function was that is gone: another one of its name with other arguments takes its place. */
function isFormer(known: WayAround, way: WayAround, { objects }: GateState): boolean {
  if (known.kind !== 'function' || way.kind !== 'function' || objects.includes(known.oid)) return false;
  return displayPath(known) === displayPath(way);
}

/** Under its name or as the same object. */
function isSameWay(way: WayAround, known: WayAround): boolean {
  if (way.kind !== known.kind) return false;
  return way.oid === known.oid || (describe(way) === describe(known) && way.rule?.command === known.rule?.command);
}

export function newlyOpen(way: WayAround): Worsening {
  const roles = listNames(way.roles.map(displayName));
  const grantees = ['public', ...way.roles.map(quoteIdentifier)].join(', ');
  if (way.kind === 'function') {
    return {
      object: describe(way),
      what: `the function is open to ${roles} and runs as ${displayName(way.owner)}, whom row-level security does not bind`,
      fix: `revoke execute on function ${sqlName(way)}(${way.arguments}) from ${grantees};`,
    };
  }
  if (way.rule !== null) {
    return {
      object: describe(way),
      what: `the rule ${displayName(way.rule.name)} reaches every row of ${listNames(way.shows)} as ${displayName(way.owner)}, whom row-level security does not bind, where ${roles} may ${way.rule.command} here`,
      fix: `drop rule ${quoteIdentifier(way.rule.name)} on ${sqlName(way)};`,
    };
  }
  return {
    object: describe(way),
    what: `the ${way.kind} shows ${roles} every row of ${listNames(way.shows)}: it reads them as ${displayName(way.owner)}, whom row-level security does not bind`,
    fix:
      way.kind === 'view'
        ? `alter view ${sqlName(way)} set (security_invoker = true);`
        : `revoke all on ${sqlName(way)} from ${grantees};`,
  };
}

function describe(way: WayAround): string {
  return way.arguments === null ? displayPath(way) : `${displayPath(way)}(${way.arguments})`;
}

function newlyUnbound(role: string): Worsening {
  return {
    object: `role ${displayName(role)}`,
    what: 'row-level security does not bind it any more: it has, or may take, BYPASSRLS',
    fix: `alter role ${quoteIdentifier(role)} nobypassrls;`,
  };
}

/** As its owner a role may switch row-level security off, and where it is not forced nothing binds it. */
function newlyOwned(before: GateState, after: GateState, isolated: ReadonlySet<number>): Worsening[] {
  const known = new Set(before.owned.map(({ role, oid }) => `${oid} ${role}`));
  const fresh = after.owned.filter(({ role, oid }) => isolated.has(oid) && !known.has(`${oid} ${role}`));
  return [...groupBy(fresh, ({ role }) => role)].map(([role, tables]) => {
    const [only] = tables;
    const it = tables.length === 1 ? 'it' : listNames(tables.map(displayPath));
    return {
      object: tables.length === 1 ? displayPath(only!) : `role ${displayName(role)}`,
      what: `${displayName(role)} owns ${it}, or may become the owner: whoever owns a table may switch its row-level security off`,
      fix: undefined,
    };
  });
}

function isSameDefault(one: SessionDefault, other: SessionDefault): boolean {
  return one.role === other.role && one.database === other.database && one.name === other.name;
}

function newlyMade({ role, database, name, value }: SessionDefault): Worsening {
  const within = database === null ? '' : ` in database ${quoteIdentifier(database)}`;
  const whose =
    role === null && database !== null
      ? `database ${quoteIdentifier(database)}`
      : `role ${role === null ? 'all' : quoteIdentifier(role)}${within}`;
  return {
    object: objectOf(role, database),
    what:
      name.toLowerCase() === 'role'
        ? `sessions begin as ${displayName(value)}, whom row-level security does not bind`
        : `sessions begin with ${name} = ${JSON.stringify(value)}: whoever names no tenant is taken for that one`,
    fix: `alter ${whose} reset ${name.split('.').map(quoteIdentifier).join('.')};`,
  };
}

function objectOf(role: string | null, database: string | null): string {
  if (role !== null) return `role ${displayName(role)}`;
  return database === null ? 'every role' : `database ${displayName(database)}`;
}

function sqlName({ schema, name }: Named): string {
  return quoteQualified(schema, name);
}

// ── tables that are left open ───────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with a new table that has no RLS. */
export function leftOpen({ roles, tenantColumn, ...table }: OpenTable): Worsening {
  const reach = roles.length === 0 ? '' : `${listNames(roles.map(displayName))} may use every row of it`;
  const holds = tenantColumn === null ? '' : `its column ${displayName(tenantColumn)} says that its rows are tenants'`;
  return {
    object: displayPath(table),
    what: `the new table has no row-level security: ${[reach, holds].filter(Boolean).join(', and ')}`,
    fix: `alter table ${sqlName(table)} enable row level security, force row level security;`,
  };
}
