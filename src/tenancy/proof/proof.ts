import type { TableFacts } from '../facts.ts';

/** How a proof was carried out: by evaluating policies, or with rows in a transaction that is rolled back. */
export type ProofLevel = 'policies' | 'rows';

/** What one role can do about a table. `denied`: no grant or no policy; `vacuous`: the own tenant sees nothing either. */
export interface RoleProof {
  readonly role: string;
  readonly outcome: 'proved' | 'refuted' | 'denied' | 'vacuous' | 'undecided';
  readonly reason?: string | undefined;
  /** The statement that got through. */
  readonly statement?: string | undefined;
  /** `undecided` for want of a row that would tell: rows that are made for a proof tell nothing either. */
  readonly isForPeople?: boolean | undefined;
}

/** Why a proof of a role is vacuous; more may follow. */
export const NOTHING_SHOWN = 'the own tenant is shown nothing either';

/** The same where no column says whose a row is; more may follow. */
export const LOOKED_UP = 'its policies look elsewhere whose a row is, and nobody who was tried is shown one';

export interface TableProof {
  readonly table: TableFacts;
  readonly level: ProofLevel;
  /** `closed`: no session of a tenant is let at any row, and no column says whose they are. */
  readonly verdict: 'proved' | 'refuted' | 'closed' | 'not-provable';
  readonly reason?: string | undefined;
  readonly statement?: string | undefined;
  readonly roles: readonly RoleProof[];
}

/** One leak refutes; what nobody could decide, or where nothing was to be seen, proves nothing. */
export function concludeTable(table: TableFacts, level: ProofLevel, roles: readonly RoleProof[]): TableProof {
  const about = { table, level, roles };
  const first = (outcome: RoleProof['outcome']) => roles.find((one) => one.outcome === outcome);
  const refuted = first('refuted');
  if (refuted !== undefined) {
    const { role, reason, statement } = refuted;
    return { ...about, verdict: 'refuted', reason: `as ${role}: ${reason}`, statement };
  }
  const open = first('undecided') ?? first('vacuous');
  if (open !== undefined) return { ...about, verdict: 'not-provable', reason: `as ${open.role}: ${open.reason}` };
  if (first('proved') !== undefined) return { ...about, verdict: 'proved' };
  if (table.tenantColumn === undefined) return { ...about, verdict: 'closed' };
  return { ...about, verdict: 'not-provable', reason: 'no role that RLS binds may use the table' };
}

/** Something through which rows may be reached past the policies of their tables. */
export interface WayProof {
  /** As a report prints it. */
  readonly object: string;
  readonly kind: 'view' | 'materialized view' | 'function' | 'procedure' | 'rule';
  readonly verdict: 'proved' | 'refuted' | 'not-provable';
  readonly reason?: string | undefined;
  readonly statement?: string | undefined;
}
