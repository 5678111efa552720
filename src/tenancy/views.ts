import { isBound } from './access.ts';
import type { RlsFacts, TableFacts, ViewFacts } from './facts.ts';

/** A table that a view shows rows of. */
export interface TableBehind {
  readonly table: TableFacts;
  /** The policies of the table are evaluated for the role that reads it there. */
  readonly isBound: boolean;
}

/**
 * Tables that are reached through a view that is no security_invoker, and as whom: its owner, or the owner of a view of
 * that kind further down (PostgreSQL docs, CREATE VIEW). A materialized view was filled by its owner.
 */
export function tablesBehind(facts: RlsFacts, view: ViewFacts): TableBehind[] {
  return tablesReachedAs(facts, view.reads, view.owner);
}

/** Tables among some relations, and behind the views among them, and as whom they are reached by a role. */
export function tablesReachedAs(facts: RlsFacts, relations: readonly number[], as: number): TableBehind[] {
  const found = new Map<string, TableBehind>();
  const seen = new Set<string>();
  const follow = (oids: readonly number[], reader: number): void => {
    for (const oid of oids) {
      const key = `${oid} ${reader}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const table = facts.tables.get(oid);
      const role = facts.roles.get(reader);
      if (table !== undefined)
        found.set(`${oid} ${reader}`, { table, isBound: role !== undefined && isBound(role, table) });
      const inner = facts.views.get(oid);
      if (inner !== undefined) follow(inner.reads, inner.securityInvoker ? reader : inner.owner);
    }
  };
  follow(relations, as);
  return [...found.values()];
}
