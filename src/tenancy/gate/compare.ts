import { quoteIdentifier, quoteQualified } from '../../postgres/quote.ts';
import { COMMANDS, type Command, type Named } from '../facts.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import type { GatePolicy, GateState, OpenTable, SecuredTable, WayAround } from './state.ts';

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
  /** Tables that were isolated before and are still, whose policies have to be asked what they open now. */
  readonly suspects: readonly SecuredTable[];
  /** What was looked at, in words. */
  readonly looked: readonly string[];
}

/** What of the change from one state to the next makes isolation worse, and what only the policies can tell. */
export function compareStates(before: GateState, after: GateState): Comparison {
  const kept = keptTables(before, after);
  const changed = kept.filter(({ now }) => isReworded(before, after, now.oid));
  const isCallChanged = before.functions.join() !== after.functions.join();
  const suspects = isCallChanged ? kept : changed.filter(({ now }) => mayOpen(before, after, now.oid));
  const ways = after.ways.filter((way) => !before.ways.some((known) => isCoveredBy(way, known)));
  return {
    worse: [
      ...after.disabled.map(switchedOff),
      ...kept.flatMap(({ was, now }) => (was.forced && !now.forced ? [noLongerForced(now)] : [])),
      ...changed.flatMap(({ now }) => droppedPolicies(before, after, now)),
      ...ways.map((way) => newlyOpen(way, after)),
      ...after.unbound.filter((role) => !before.unbound.includes(role)).map(newlyUnbound),
    ],
    suspects: suspects.map(({ now }) => now),
    looked: [
      ...after.disabled.map((table) => `row-level security of ${displayPath(table)}`),
      ...changed.map(({ now }) => `policies of ${displayPath(now)}`),
      ...(isCallChanged ? ['functions that policies call'] : []),
      ...ways.map((way) => `${way.kind} ${describe(way)}`),
    ],
  };
}

interface Kept {
  readonly was: SecuredTable;
  readonly now: SecuredTable;
}

/** By OID: a table that was renamed or moved is the same one, one that was dropped and made again is new. */
function keptTables(before: GateState, after: GateState): Kept[] {
  const now = new Map(after.tables.map((table) => [table.oid, table]));
  return before.tables.flatMap((was) => {
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

// ── policies ────────────────────────────────────────────────────────────────────────────────────────────────────────

function policiesOf({ policies }: GateState, table: number): readonly GatePolicy[] {
  return policies.filter((policy) => policy.table === table);
}

const versionOf = ({ oid, version }: GatePolicy) => `${oid}:${version}`;

function isReworded(before: GateState, after: GateState, table: number): boolean {
  const text = (state: GateState) => policiesOf(state, table).map(versionOf).join();
  return text(before) !== text(after);
}

/** Policies that are new or changed may open more than before; one that restricted and is gone does. */
function mayOpen(before: GateState, after: GateState, table: number): boolean {
  const known = new Set(policiesOf(before, table).map(versionOf));
  const still = new Set(policiesOf(after, table).map(({ oid }) => oid));
  return (
    policiesOf(after, table).some((policy) => !known.has(versionOf(policy))) ||
    policiesOf(before, table).some(({ oid, permissive }) => !permissive && !still.has(oid))
  );
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

function commandsOf({ command }: GatePolicy): readonly Command[] {
  return command === 'ALL' ? COMMANDS : [command];
}

// ── ways around ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** True when the way was there before, under its name or as the same object, for the same roles and tables. */
function isCoveredBy(way: WayAround, known: WayAround): boolean {
  const isSame = way.kind === known.kind && (way.oid === known.oid || describe(way) === describe(known));
  return (
    isSame &&
    way.roles.every((role) => known.roles.includes(role)) &&
    way.tables.every((table) => known.tables.includes(table))
  );
}

function newlyOpen(way: WayAround, { tables }: GateState): Worsening {
  const roles = listNames(way.roles.map(displayName));
  const grantees = ['public', ...way.roles.map(quoteIdentifier)].join(', ');
  if (way.kind === 'function') {
    return {
      object: describe(way),
      what: `the SECURITY DEFINER function is open to ${roles} and runs as ${displayName(way.owner)}, whom row-level security does not bind`,
      fix: `revoke execute on function ${sqlName(way)}(${way.arguments}) from ${grantees};`,
    };
  }
  const shown = listNames(tables.filter(({ oid }) => way.tables.includes(oid)).map(displayPath));
  return {
    object: describe(way),
    what: `the ${way.kind} shows ${roles} every row of ${shown}: it reads them as ${displayName(way.owner)}, whom row-level security does not bind`,
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
