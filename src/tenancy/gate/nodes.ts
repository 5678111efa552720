/**
 * The nodes of the list, or the fields, of a tree's text from `from` on, to the parenthesis or brace that ends it
 * (PostgreSQL source, nodes/outfuncs.c). A backslash goes before what is text.
 */
export function nodesAt(tree: string, from: number): string[] {
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
