import { describeContext } from '../answers.ts';
import type { ContextName, RoleFacts } from '../facts.ts';
import type { Call } from './calls.ts';
import type { Compared, Comparison } from './compare-outputs.ts';
import { passageOf } from './probes.ts';
import type { WayProof } from './proof.ts';
import type { Step } from './run-probes.ts';
import { fromOf, READ_ONLY, type Way } from './ways.ts';

/** A tenant with a row in every table behind a way, as far as comparing what the way shows is concerned. */
interface ComparedTenant {
  readonly id: string;
  readonly steps: readonly Step[];
  readonly calls: readonly Call[];
}

/** What is compared, and what it would mean if it changed. */
export interface WayComparison {
  readonly role: RoleFacts;
  readonly context: ContextName;
  /** Whose session: both have to be shown rows of their own before anything is proved. */
  readonly session: string;
  /** The session's own rows come: what does not change then tells nothing. */
  readonly isControl: boolean;
  readonly statement: string;
  readonly comparison: Comparison;
}

interface ComparisonsOf {
  readonly way: Pick<Way, 'from' | 'roles' | 'parameters'>;
  readonly own: ComparedTenant;
  readonly other: ComparedTenant;
  settings(context: ContextName, own: string, other: string, role: RoleFacts): Readonly<Record<string, string>>;
}

/** Calls of a function whose answers are compared. */
const MOST_CALLS = 4;

/**
 * A view that counts shows no row of which it could be told whose it is; but what it shows must not change when another
 * tenant gets a row. Compared in the sessions of both tenants: a greatest value that another tenant's row does not
 * exceed by chance is exceeded in the other's session.
 */
export function comparisonsOf(setup: ComparisonsOf, context: ContextName): WayComparison[] {
  const { way, own, other } = setup;
  const directions =
    context === 'own'
      ? [
          { own, other },
          { own: other, other: own },
        ]
      : [{ own, other }];
  return way.roles.flatMap((role) =>
    directions.flatMap((tenants) => inSession({ ...setup, ...tenants }, role, context)),
  );
}

function inSession(
  { way, own, other, settings }: ComparisonsOf,
  role: RoleFacts,
  context: ContextName,
): WayComparison[] {
  const compare = (call: Call, isControl: boolean, before: readonly Step[], change: readonly Step[]): WayComparison => {
    const from = fromOf(way, call);
    // The order of rows is nobody's concern.
    const sql = `select pg_catalog.count(*) || ' ' || coalesce(pg_catalog.sum(pg_catalog.hashtextextended(seen::text, 0)), 0) from ${from} seen`;
    const shown = { role: role.name, settings: { ...settings(context, own.id, other.id, role), ...READ_ONLY }, sql };
    const comparison = { shown, before, change };
    return { role, context, session: own.id, isControl, statement: `select * from ${from};`, comparison };
  };
  const some = (calls: readonly Call[]) => calls.slice(0, MOST_CALLS);
  if (context !== 'own') return some(other.calls).map((call) => compare(call, false, [], other.steps));
  return [
    ...some(own.calls).map((call) => compare(call, true, [], own.steps)),
    ...some(other.calls).map((call) => compare(call, false, [], other.steps)),
    ...some(other.calls).map((call) => compare(call, false, own.steps, other.steps)),
  ];
}

/** One change that another tenant's row makes refutes; proved is what changes with the rows of either tenant for itself only. */
export function judgeComparisons(
  way: Pick<Way, 'kind' | 'object' | 'roles'>,
  made: readonly { readonly of: WayComparison; readonly compared: Compared }[],
): WayProof {
  const about = { object: way.object, kind: way.kind };
  const undecided = (role: RoleFacts, reason: string): WayProof => ({
    ...about,
    verdict: 'not-provable',
    reason: `as ${role.name}: ${reason}`,
  });
  const settled = made.filter(({ compared }) => 'changed' in compared && !compared.restless);
  const leak = settled.find(({ of, compared }) => !of.isControl && 'changed' in compared && compared.changed);
  if (leak !== undefined) {
    const { role, context, statement } = leak.of;
    const reason = `as ${role.name}: what the ${way.kind} shows in ${describeContext(context)} changes when another tenant gets a row`;
    return { ...about, verdict: 'refuted', reason, statement };
  }
  for (const role of way.roles) {
    const own = made.filter(({ of }) => of.role === role);
    for (const { of, compared } of own) {
      if ('error' in compared) {
        const passage = passageOf({ command: 'SELECT' }, compared);
        // A session that names no tenant may be refused; the own one has to be served.
        if (of.context === 'own' || typeof passage === 'object') return undecided(role, compared.error);
      } else if (compared.restless) return undecided(role, 'what it shows changes by itself');
    }
    const controls = own.filter(({ of }) => of.isControl);
    const served = controls.filter(({ compared }) => 'changed' in compared && compared.changed);
    const sessions = (list: readonly { readonly of: WayComparison }[]) =>
      new Set(list.map(({ of }) => of.session)).size;
    if (sessions(served) < sessions(controls) || served.length === 0)
      return undecided(role, 'what it shows does not change with the rows of its own tenant either');
  }
  return { ...about, verdict: 'proved' };
}
