import type { Focus, Lists } from './state.ts';

/** A table that bears the name that another one had, which was isolated. */
export interface Successor {
  readonly table: number;
  readonly instead: number;
  /** It is no new one. */
  readonly wasThere: boolean;
  /** For the other one it was. */
  readonly wasForced: boolean;
}

/**
 * A table that was isolated, whose rows are now read through another one as well: it is a partition or child of that, or
 * that is one of its own, which has no policies.
 */
export interface Exposed {
  readonly table: number;
  /** What it was before: itself, or the one whose name it bears now. */
  readonly instead: number;
  readonly through: number;
  /** They were its partitions or children before: what is new is who may use the other one, or for what. */
  readonly wasThere: boolean;
  /** API roles to whom it is new. */
  readonly roles: readonly string[];
}

/** What differs between the two sides, in short. Everything by OID. */
export interface Changes {
  /** Something was isolated before: else there is nothing to make worse. */
  readonly isolates: boolean;
  /** Tables that had RLS and have none now, or that it was forced for. */
  readonly tables: readonly number[];
  /** Tables some of whose policies are other rows now. */
  readonly policiesOf: readonly number[];
  /** Policies and functions that are new or other than before. */
  readonly policies: readonly number[];
  readonly functions: readonly number[];
  /** Views that are other than before, or new where some are gone. */
  readonly views: readonly number[];
  /** Views, rules and functions that run as somebody else may lead further around RLS, or it may bind fewer roles. */
  readonly ways: boolean;
  readonly successors: readonly Successor[];
  readonly exposed: readonly Exposed[];
  /** What sessions begin with may name a tenant. */
  readonly defaults: boolean;
}

export const NO_CHANGES: Changes = {
  isolates: false,
  tables: [],
  policiesOf: [],
  policies: [],
  functions: [],
  views: [],
  ways: false,
  successors: [],
  exposed: [],
  defaults: false,
};

const NOTHING: Focus = { tables: [], policiesOf: [], ways: false, defaults: false };

/** What has to be looked at. */
export function focusOf({ isolates, tables, policiesOf, ways, successors, exposed, defaults }: Changes): Focus {
  // Where nothing is isolated there is nothing to make worse.
  if (!isolates) return NOTHING;
  const looked = new Set([
    ...tables,
    ...policiesOf,
    ...successors.map(({ table }) => table),
    ...exposed.flatMap(({ table, instead, through }) => [table, instead, through]),
  ]);
  return { tables: [...looked], policiesOf, ways, defaults };
}

export function changesBetween(before: Lists, after: Lists): Omit<Changes, 'exposed'> {
  const tables = [...before.secured].filter(([oid, was]) => isWeaker(was, after.secured.get(oid))).map(([oid]) => oid);
  const functions = changedKeys(before.functions, after.functions);
  const isMoved = [...before.secured].some(([oid, was]) => {
    const now = after.secured.get(oid);
    return now !== undefined && (was.place !== now.place || was.forced !== now.forced);
  });
  return {
    isolates: before.secured.size > 0,
    tables,
    policies: changedKeys(before.policies, after.policies),
    policiesOf: rewordedTables(before.policies, after.policies),
    functions,
    views: changedKeys(before.rules, after.rules).map((oid) => after.rules.get(oid)!.relation),
    ways:
      isMoved ||
      before.surroundings !== after.surroundings ||
      functions.some((oid) => after.functions.get(oid)!.leavesCaller),
    // What commits as it goes replaces no table without a moment in which there is none.
    successors: [],
    defaults: true,
  };
}

function isWeaker(was: { readonly forced: boolean }, now: { readonly forced: boolean } | undefined): boolean {
  return now === undefined || (was.forced && !now.forced);
}

interface Versioned {
  readonly version: string;
}

function changedKeys(before: ReadonlyMap<number, Versioned>, after: ReadonlyMap<number, Versioned>): number[] {
  return [...after].filter(([oid, { version }]) => before.get(oid)?.version !== version).map(([oid]) => oid);
}

/** Tables with policies that are new, other than before, or gone. */
function rewordedTables(before: Lists['policies'], after: Lists['policies']): number[] {
  const changed = changedKeys(before, after).map((oid) => after.get(oid)!.table);
  const gone = [...before].filter(([oid]) => !after.has(oid)).map(([, { table }]) => table);
  return [...new Set([...changed, ...gone])];
}
