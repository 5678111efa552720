import { nodesAt } from './nodes.ts';

// Numbers are OIDs of the server's own types, functions and operators, the same in every version
// (src/include/catalog/pg_*.dat). No field that is read over may hold a node: a form that is not known here is asked.

const TEXT = '25';
/** Operators `=`, by the types that they compare: uuid, int8, int4, int2. Each value of these is written in one way. */
const EQUALS: ReadonlyMap<string, string> = new Map([
  ['2972', '2950'],
  ['410', '20'],
  ['96', '23'],
  ['94', '21'],
]);
const TEXT_EQUALS = '98';

const EQUATION = /^\{OPEXPR :opno (\d+) [^{}]*:args \(/;
const COLUMN = /^\{VAR :varno 1 :varattno (\d+) :vartype (\d+) [^{}]*:varlevelsup 0 [^{}]*\}$/;
const CAST = /^\{COERCEVIAIO :arg (?=\{)/;
const TARGET = / :resulttype (\d+) [^{}]*\}$/;
const NULLIF = new RegExp(`^\\{NULLIFEXPR :opno ${TEXT_EQUALS} [^{}]*:args \\(`);
/** Its length alone, where machines put the lowest byte first. */
const EMPTY = new RegExp(`^\\{CONST :consttype ${TEXT} [^{}]*:constvalue 4 \\[ 16 0 0 0 \\]\\}$`);
/** `current_setting`, with and without a second argument. */
const SETTING = /^\{FUNCEXPR :funcid (?:2077|3294) [^{}]*:args \(/;
const NAME = new RegExp(`^\\{CONST :consttype ${TEXT} [^{}]*:constvalue (\\d+ \\[[ \\d-]+\\])\\}$`);
/** `(select …)` of one expression and nothing else: whatever makes more of it is a node. */
const ALONE =
  /^\{SUBLINK :subLinkType 4 [^{}]*:subselect \{QUERY :commandType 1 [^{}]*:rtable <> [^{}]*:jointree \{FROMEXPR :fromlist <> :quals <>\} [^{}]*:targetList \(\{TARGETENTRY :expr (?=\{)/;
const END_OF_ALONE = /^ :resno 1 [^{}]*\}\)[^{}]*\}[^{}]*\}$/;

/**
 * The same text for all expressions that say of a row: it is of the one whom the session names, by the same column and
 * setting, whether values or their texts are compared, and with or without a `nullif` of the empty string, a subselect or
 * an error where the setting was never made. They differ in sessions that spell the same one otherwise, and in those that
 * name none; neither shows another's row. `undefined` of what says something else, or may.
 * @param tree without places
 */
export function rowOfSession(tree: string): string | undefined {
  const equation = EQUATION.exec(tree);
  if (equation === null) return undefined;
  const [, operator] = equation;
  const sides = nodesAt(tree, equation[0].length);
  if (sides.length !== 2) return undefined;
  const [one, other] = sides as [string, string];
  return equated(operator!, one, other) ?? equated(operator!, other, one);
}

function equated(operator: string, row: string, session: string): string | undefined {
  const isText = operator === TEXT_EQUALS;
  const column = COLUMN.exec((isText ? castTo(row, TEXT) : row) ?? '');
  if (column === null) return undefined;
  const [, attribute, type] = column;
  if (isText ? ![...EQUALS.values()].includes(type!) : EQUALS.get(operator) !== type) return undefined;
  const value = unwrapped(session);
  const text = isText ? value : castTo(value, type!);
  const setting = text === undefined ? undefined : settingOf(unwrapped(text));
  return setting === undefined ? undefined : `the row of ${setting} by ${attribute}`;
}

/** What is cast, by the text of it. */
function castTo(node: string, type: string): string | undefined {
  const head = CAST.exec(node);
  if (head === null || TARGET.exec(node)?.[1] !== type) return undefined;
  const [inner] = nodesAt(node, head[0].length);
  return inner !== undefined && TARGET.exec(node)?.index === head[0].length + inner.length ? inner : undefined;
}

function unwrapped(node: string): string {
  const head = ALONE.exec(node);
  if (head === null) return node;
  const [inner = ''] = nodesAt(node, head[0].length);
  return END_OF_ALONE.test(node.slice(head[0].length + inner.length)) ? inner : node;
}

/** The name of the setting that a text is, or is unless it is empty. */
function settingOf(node: string): string | undefined {
  const [value, empty, ...more] = argumentsOf(node, NULLIF) ?? [node, undefined];
  if (value === undefined || more.length > 0 || (empty !== undefined && !EMPTY.test(empty))) return undefined;
  const [name, flag] = argumentsOf(unwrapped(value), SETTING) ?? [];
  if (name === undefined || (flag !== undefined && !/^\{CONST [^{}]*\}$/.test(flag))) return undefined;
  return NAME.exec(name)?.[1];
}

function argumentsOf(node: string, head: RegExp): string[] | undefined {
  const found = head.exec(node);
  return found === null ? undefined : nodesAt(node, found[0].length);
}
