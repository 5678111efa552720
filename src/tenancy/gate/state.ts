import type { Command, Named } from '../facts.ts';

// What the gate compares before and behind each file: plain values. Reading them is read-state.ts.

export interface SecuredTable extends Named {
  readonly forced: boolean;
}

export interface GatePolicy {
  readonly oid: number;
  /** Transaction that wrote it: changes with every ALTER POLICY. */
  readonly version: string;
  readonly table: number;
  readonly name: string;
  readonly command: Command | 'ALL';
  readonly permissive: boolean;
}

/** A view or function that API roles may use and that reads tables as somebody whom RLS does not bind. */
export interface WayAround extends Named {
  readonly kind: 'view' | 'materialized view' | 'function';
  /** Of a function: its argument types. */
  readonly arguments: string | null;
  /** Whom it reads as. */
  readonly owner: string;
  /** API roles that may use it. */
  readonly roles: readonly string[];
  /** Of a view: tables with RLS whose rows it shows, by OID. */
  readonly tables: readonly number[];
}

export interface GateState {
  /** Equal as long as nothing that matters has changed. */
  readonly key: string;
  /** Tables with RLS enabled. */
  readonly tables: readonly SecuredTable[];
  readonly policies: readonly GatePolicy[];
  readonly ways: readonly WayAround[];
  /** API roles that RLS does not bind, or that may become one that it does not bind. */
  readonly unbound: readonly string[];
  /** Functions that policies call, and those they mention in turn: OID and version. */
  readonly functions: readonly string[];
  /** Of the tables that were asked for, those that are there and have RLS no more. */
  readonly disabled: readonly Named[];
}

/** A table without RLS that clients reach or that has the column of the tenants. */
export interface OpenTable extends Named {
  readonly roles: readonly string[];
  readonly tenantColumn: string | null;
}
