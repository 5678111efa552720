import { groupBy } from '../../group-by.ts';
import type { Session } from '../../postgres/session.ts';
import { tablesInScope } from '../access.ts';
import type { AskLimits } from '../ask.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import type { TenancySettings } from '../settings.ts';
import { type BlindPlan, readBlindPlans } from './blind-plans.ts';
import { failedControl } from './controls.ts';
import { concludeTable, type RoleProof, type TableProof, type WayProof } from './proof.ts';
import { provePolicies } from './prove-policies.ts';
import { namingTheUnsaid } from './unsaid.ts';

/** The proof of all tables that are looked at, or why no verdict can be given. */
export interface Proof {
  readonly tables: readonly TableProof[];
  /** A control came out wrong: nothing else that was found may be believed. */
  readonly failedControl: string | undefined;
  /** Views and functions that lead around the tables; `undefined` when they were not tried. */
  readonly ways?: readonly WayProof[] | undefined;
  /** Tables in which rows of the proof were found afterwards; `undefined` when it made none. */
  readonly leftBehind?: readonly string[] | undefined;
  /** Tables that could not be searched for such rows. */
  readonly unchecked?: readonly Unchecked[] | undefined;
}

/** What could not be looked at afterwards, and why. */
export interface Unchecked {
  readonly object: string;
  readonly reason: string;
}

/** Planning a statement may wait for a lock on its table; no longer than this, in milliseconds. */
const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 10_000 };

/** What the proof may use besides the session, and whom it tells how far it is. */
export interface ProofSetup {
  /** A second session to share the work. */
  readonly helper?: Session | undefined;
  /** Called now and then. */
  readonly onTable?: ((done: number, total: number) => void) | undefined;
}

/**
 * Proves, without touching a row, that no tenant reaches another's: what policies answered, combined as the server
 * combines them, and the plans of statements without WHERE.
 */
export async function proveWithoutRows(
  session: Session,
  facts: RlsFacts,
  settings: TenancySettings,
  { helper, onTable }: ProofSetup = {},
): Promise<Proof> {
  const wrong = await failedControl(session, facts, LIMITS);
  const tables = tablesInScope(facts).filter(({ kind }) => kind !== 'foreign');
  if (wrong !== undefined) return { tables: tables.map((table) => undecidable(table, wrong)), failedControl: wrong };
  const sessions = helper === undefined ? [session] : [session, helper];
  const read = await readBlindPlans(sessions, facts, tables, settings, LIMITS, (done) =>
    onTable?.(done, tables.length),
  );
  const plans = groupBy(read, ({ table }) => table.oid);
  return {
    tables: tables.map((table) => {
      const proof = confirm(provePolicies(facts, table), plans.get(table.oid) ?? []);
      const roles = namingTheUnsaid(facts, table, settings, proof.roles);
      return roles === proof.roles ? proof : concludeTable(table, proof.level, roles);
    }),
    failedControl: undefined,
  };
}

function undecidable(table: TableFacts, reason: string): TableProof {
  return { table, level: 'policies', verdict: 'not-provable', reason, roles: [] };
}

/** What the server plans has the last word: it, not the catalog's reading, is what an application gets. */
function confirm(proof: TableProof, plans: readonly BlindPlan[]): TableProof {
  if (plans.every((plan) => plan.isConditional === true)) return proof;
  const roles = proof.roles.map((role): RoleProof => {
    if (role.outcome === 'refuted') return role;
    const own = plans.filter((plan) => plan.role.name === role.role);
    const bare = own.find((plan) => plan.isConditional === false);
    if (bare !== undefined)
      return {
        role: role.role,
        outcome: 'refuted',
        reason: 'the server plans it without a condition on the rows',
        statement: bare.statement,
      };
    const failed = own.find((plan) => typeof plan.isConditional === 'object');
    if (failed === undefined || typeof failed.isConditional !== 'object') return role;
    return {
      role: role.role,
      outcome: 'undecided',
      reason: `${failed.statement} cannot be planned: ${failed.isConditional.error}`,
    };
  });
  return concludeTable(proof.table, proof.level, roles);
}
