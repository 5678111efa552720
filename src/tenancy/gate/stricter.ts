import { COMMANDS, type Command } from '../facts.ts';
import type { GatePolicy } from './state.ts';

/**
 * True when the policy opens nothing that the other one does not: the same expression, or that and more joined by AND,
 * for no other roles and commands. What says more than that, only the server can tell.
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
  const given = new Set(conjunctsOf(withoutPlaces(tree)));
  return conjunctsOf(withoutPlaces(other)).every((conjunct) => given.has(conjunct));
}

/** Where words stood in the text that made the tree. */
function withoutPlaces(tree: string): string {
  return tree.replaceAll(/ :location -?\d+/g, '');
}

const AND = /^\{BOOLEXPR :boolop and :args \(/;

/** What the tree (PostgreSQL source, nodes/outfuncs.c) joins by AND; itself when that is nothing. */
function conjunctsOf(tree: string): string[] {
  const head = AND.exec(tree)?.[0];
  return head === undefined ? [tree] : nodesAt(tree, head.length).flatMap(conjunctsOf);
}

/** The nodes of the list that begins at `from`, to its closing parenthesis. A backslash goes before what is text. */
function nodesAt(tree: string, from: number): string[] {
  const nodes: string[] = [];
  let depth = 0;
  let start = from;
  for (let at = from; at < tree.length; at++) {
    const char = tree[at];
    if (char === '\\') at++;
    else if (char === '{' || char === '(') {
      if (depth++ === 0) start = at;
    } else if (char === '}' || char === ')') {
      if (depth-- === 0) break;
      if (depth === 0) nodes.push(tree.slice(start, at + 1));
    }
  }
  return nodes;
}
