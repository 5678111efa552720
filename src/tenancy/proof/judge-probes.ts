import { describeContext } from '../answers.ts';
import { type Passage, type Probe, passageOf } from './probes.ts';
import { NOTHING_SHOWN, type RoleProof } from './proof.ts';
import type { Tried } from './run-probes.ts';

/** A probe and what became of it. */
export interface Outcome {
  readonly probe: Probe;
  readonly tried: Tried;
}

/** What the probes of one role come to: one row that got through refutes; what shows nothing of its own proves nothing. */
export function judgeRole(role: string, outcomes: readonly Outcome[]): RoleProof {
  const own = outcomes.filter(({ probe }) => probe.role === role);
  const passages = own.map((outcome) => ({ ...outcome, passage: passageOf(outcome.probe, outcome.tried) }));
  const leak = passages.find(({ probe, passage }) => probe.kind !== 'own rows seen' && passage === 'through');
  if (leak !== undefined)
    return { role, outcome: 'refuted', reason: describeLeak(leak.probe), statement: leak.probe.statement };
  const open = passages.find(({ passage }) => typeof passage === 'object');
  if (open !== undefined)
    return { role, outcome: 'undecided', reason: `${describeProbe(open.probe)}: ${describePassage(open.passage)}` };
  const missing = passages.find(({ passage }) => passage === 'no row');
  if (missing !== undefined)
    return {
      role,
      outcome: 'undecided',
      reason: `${describeProbe(missing.probe)}: no row could be locked to try it on`,
    };
  return judgeControls(role, passages);
}

function judgeControls(role: string, passages: readonly (Outcome & { readonly passage: Passage })[]): RoleProof {
  const controls = passages.filter(({ probe }) => probe.kind === 'own rows seen');
  if (controls.length === 0) return { role, outcome: 'denied', reason: 'it may not read the table' };
  const blind = controls.find(({ passage }) => passage !== 'through');
  if (blind === undefined) return { role, outcome: 'proved' };
  const why = 'error' in blind.tried ? `: ${blind.tried.error}` : '';
  return { role, outcome: 'vacuous', reason: `${NOTHING_SHOWN}${why}` };
}

function describePassage(passage: Passage): string {
  return typeof passage === 'object' ? passage.undecided : passage;
}

/** `in a session that never named a tenant, a blind update`. */
function describeProbe({ kind, context }: Probe): string {
  return `in ${describeContext(context)}, ${kind}`;
}

const LEAKS: Readonly<Record<Probe['kind'], string>> = {
  'own rows seen': '',
  'rows seen': 'a row of another tenant is seen',
  'row inserted': 'a row of another tenant is inserted',
  'row updated': 'a row of another tenant is updated',
  'row deleted': 'a row of another tenant is deleted',
  'row moved': 'a row is moved to another tenant',
  'blind update': 'an UPDATE without WHERE reaches a row of another tenant',
  'blind delete': 'a DELETE without WHERE reaches a row of another tenant',
};

function describeLeak({ kind, context }: Probe): string {
  return `${LEAKS[kind]} in ${describeContext(context)}`;
}
