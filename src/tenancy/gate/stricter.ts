import { COMMANDS, type Command } from '../facts.ts';
import { nodesAt } from './nodes.ts';
import { rowOfSession } from './row-of-session.ts';
import type { GatePolicy } from './state.ts';

/**
 * True when the policy opens nothing that the other one does not: an expression from which the other's follows by AND
 * and OR alone, however either says whose the row is, for no other roles and commands. What says more than that, only the
 * server can tell.
 */
export function isStricter(policy: GatePolicy, than: GatePolicy): boolean {
  const everyone = than.roles.includes(PUBLIC);
  return (
    commandsOf(policy).every((command) => commandsOf(than).includes(command)) &&
    (everyone || policy.roles.every((role) => than.roles.includes(role))) &&
    implies(policy.using, than.using) &&
    implies(policy.check ?? policy.using, than.check ?? than.using)
  );
}

/** Stands for PUBLIC in pg_policy.polroles. */
const PUBLIC = 0;

export function commandsOf({ command }: Pick<GatePolicy, 'command'>): readonly Command[] {
  return command === 'ALL' ? COMMANDS : [command];
}

function implies(tree: string | null, other: string | null): boolean {
  if (tree === null || other === null) return tree === other;
  return entails(readNode(withoutPlaces(tree)), readNode(withoutPlaces(other)), { steps: MOST_STEPS });
}

/** Where words stood in the text that made the tree. */
function withoutPlaces(tree: string): string {
  return tree.replaceAll(/ :location -?\d+/g, '');
}

// ── what follows from what ──────────────────────────────────────────────────────────────────────────────────────────

/** An expression as far as AND and OR make it up; whatever else it is, only its text tells, or what it says of the row. */
type Node =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Node[] }
  | { readonly kind: 'other'; readonly text: string };

/** Ways to prove it multiply where AND and OR take turns; what is not proved in so many steps is asked. */
const MOST_STEPS = 10_000;

/** True only if the other expression is true wherever this one is. That holds with NULLs too, which make neither true. */
function entails(node: Node, other: Node, budget: { steps: number }): boolean {
  if (budget.steps-- <= 0) return false;
  const follows = (from: Node) => (to: Node) => entails(from, to, budget);
  if (other.kind === 'and') return other.parts.every(follows(node));
  if (node.kind === 'or') return node.parts.every((part) => entails(part, other, budget));
  if (node.kind === 'and' && node.parts.some((part) => entails(part, other, budget))) return true;
  if (other.kind === 'or') return other.parts.some(follows(node));
  return node.kind === 'other' && other.kind === 'other' && node.text === other.text;
}

const JOINED = /^\{BOOLEXPR :boolop (and|or) :args \(/;

/** From the text of a tree (PostgreSQL source, nodes/outfuncs.c). */
function readNode(text: string): Node {
  const joined = JOINED.exec(text);
  if (joined === null) return { kind: 'other', text: rowOfSession(text) ?? text };
  return { kind: joined[1] as 'and' | 'or', parts: nodesAt(text, joined[0].length).map(readNode) };
}
