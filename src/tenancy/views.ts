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
  const found = new Map<string, TableBehind>();
  const seen = new Set<string>();
  const follow = (current: ViewFacts, reader: number): void => {
    const key = `${current.oid} ${reader}`;
    if (seen.has(key)) return;
    seen.add(key);
    for (const oid of current.reads) {
      const table = facts.tables.get(oid);
      const role = facts.roles.get(reader);
      if (table !== undefined)
        found.set(`${oid} ${reader}`, { table, isBound: role !== undefined && isBound(role, table) });
      const inner = facts.views.get(oid);
      if (inner !== undefined) follow(inner, inner.securityInvoker ? reader : inner.owner);
    }
  };
  follow(view, view.owner);
  return [...found.values()];
}
