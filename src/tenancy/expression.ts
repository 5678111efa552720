import { TENANT } from './claim-paths.ts';
import { endOfParentheses } from './sql-tokens.ts';

/** A call in the text of an expression; offsets are 0-based characters. */
export interface Call {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Its arguments mention a column: it has to be made for every row. */
  readonly readsColumns: boolean;
  /** It stands in a scalar subquery of its own already: `(select f())`. */
  readonly isWrapped: boolean;
}

/** What the syntax of a policy's expression shows. */
export interface Expression {
  /** Strings and numbers in it: values at which it may change its mind. */
  readonly constants: readonly string[];
  /** Settings that it reads by name. */
  readonly settings: readonly string[];
  /** Every setting that it reads is cast to a UUID or a number at once: where that fails, nothing else was made of it. */
  readonly castsSettings: boolean;
  /** Columns compared with current_user, session_user and the like. */
  readonly roleComparisons: readonly string[];
  readonly calls: readonly Call[];
  /** Keys of documents that it takes values by, and what would please it there; `{tenant}` where it does not say. */
  readonly keys: ReadonlyMap<string, unknown>;
  /** Where in documents that are no columns, such as a token's claims, it takes values: `['app_metadata', 'org']`. */
  readonly claims: readonly (readonly string[])[];
  /**
   * Columns of which it looks at more than whether they are equal to something: `left(tenant::text, 4) = …`, `n < 5`,
   * `*` for all of a row's. Where it calculates, that goes for all columns that it compares.
   */
  readonly shaped: ReadonlySet<string>;
}

/** A node of libpg-query's tree: one key, the type, or the fields of one. */
type Node = Readonly<Record<string, unknown>>;

/** @param tree what libpg-query makes of `select <text>` */
export function readExpression(text: string, tree: unknown): Expression {
  const bytes = Buffer.from(text);
  const found: Found = {
    text,
    bytes,
    constants: new Set(),
    settings: new Set(),
    compared: new Set(),
    calls: [],
    keys: new Map(),
    claims: [],
    shaped: new Set(),
    equal: new Set(),
    calculates: false,
    uncast: 0,
  };
  visit(selected(tree), found, { wrapped: false, inFrom: false, shapes: false });
  return {
    constants: [...found.constants],
    settings: [...found.settings],
    castsSettings: found.uncast === 0,
    roleComparisons: [...found.compared],
    calls: found.calls,
    keys: found.keys,
    claims: found.claims,
    shaped: found.calculates ? new Set([...found.shaped, ...found.equal]) : found.shaped,
  };
}

/** The expression below the `select` that was put before it. */
function selected(tree: unknown): unknown {
  const [statement] = (nodeAt(tree)?.['stmts'] ?? []) as readonly unknown[];
  const [target] = (nodeAt(statement, 'stmt', 'SelectStmt')?.['targetList'] ?? []) as readonly unknown[];
  return nodeAt(target, 'ResTarget')?.['val'];
}

interface Found {
  readonly text: string;
  /** libpg-query counts bytes. */
  readonly bytes: Buffer;
  readonly constants: Set<string>;
  readonly settings: Set<string>;
  readonly compared: Set<string>;
  readonly calls: Call[];
  readonly keys: Map<string, unknown>;
  readonly claims: (readonly string[])[];
  readonly shaped: Set<string>;
  /** Columns that are compared as they are. */
  readonly equal: Set<string>;
  calculates: boolean;
  /** Calls of current_setting that are not cast at once. */
  uncast: number;
}

interface Place {
  readonly wrapped: boolean;
  readonly inFrom: boolean;
  /** Something is made of the value that stands here before it is compared, or it is compared for more than being equal. */
  readonly shapes: boolean;
}

const PREFIX = 'select '.length;

function visit(value: unknown, found: Found, place: Place): void {
  if (Array.isArray(value)) for (const item of value) visit(item, found, place);
  if (!isNode(value)) return;
  for (const [key, part] of Object.entries(value)) visitPart(key, part, found, place);
}

function visitPart(key: string, part: unknown, found: Found, place: Place): void {
  if (!isNode(part)) {
    visit(part, found, key === 'fromClause' ? { ...place, inFrom: true } : place);
    return;
  }
  if (key === 'A_Const') noteConstant(part, found);
  if (key === 'A_Expr') {
    noteComparison(part, found);
    noteKey(part, found);
    noteClaim({ A_Expr: part }, found);
    if (CALCULATION.test(operatorOf(part))) found.calculates = true;
  }
  if (key === 'ColumnRef')
    (place.shapes ? found.shaped : found.equal).add(columnsIn({ ColumnRef: part })[0]!.replace(/^.*\./s, ''));
  if (key === 'FuncCall') noteCall(part, found, place);
  if (key === 'TypeCast') {
    noteFlag(part, found);
    if (isCastSetting(part)) found.uncast--;
  }
  visit(part, found, placeWithin(key, part, place));
}

function placeWithin(key: string, part: Node, place: Place): Place {
  if (key === 'SelectStmt') return { wrapped: part['fromClause'] === undefined, inFrom: false, shapes: false };
  return { ...placeOfCalls(key, place), shapes: place.shapes || isShaping(key, part) };
}

/** What two values have to pass through unlike if they are to stay unlike. */
const KEEPING = new Set(['BoolExpr', 'NullTest', 'SubLink', 'List', 'A_ArrayExpr', 'ResTarget', 'ColumnRef', 'String']);
const KEEPING_TYPES = new Set(['uuid', 'text', 'varchar', 'int2', 'int4', 'int8', 'numeric']);
const CALCULATION = /^([-+*/%^|&#]|\|\||<<|>>)$/;

function isShaping(key: string, part: Node): boolean {
  if (key === 'A_Expr') return !/^(=|<>|->>?|#>>?)$/.test(operatorOf(part));
  if (key === 'TypeCast') {
    const type = nodeAt(part, 'typeName');
    return type?.['typmods'] !== undefined || !KEEPING_TYPES.has(namesIn(type?.['names']).at(-1) ?? '');
  }
  return /^[A-Z]/.test(key) && !KEEPING.has(key);
}

function operatorOf(part: Node): string {
  return namesIn(part['name']).at(-1) ?? '';
}

function placeOfCalls(key: string, place: Place): Place {
  // A function in FROM is what the rows come from; its arguments are expressions again.
  if (key === 'FuncCall') return { ...place, inFrom: false };
  return place;
}

function noteConstant(part: Node, { constants }: Found): void {
  const value = constantOf(part);
  if (value !== undefined) constants.add(value);
}

function constantOf(part: Node): string | undefined {
  const read = (kind: string, field: string, zero: string) => {
    const box = part[kind];
    return isNode(box) ? String(box[field] ?? zero) : undefined;
  };
  return read('sval', 'sval', '') ?? read('ival', 'ival', '0') ?? read('fval', 'fval', '0');
}

function noteComparison(part: Node, { compared }: Found): void {
  const sides = [part['lexpr'], part['rexpr']];
  for (const [one, other] of [sides, sides.toReversed()])
    if (isRoleName(one)) for (const column of columnsIn(other)) compared.add(column);
}

/** `(… ->> 'is_admin')::boolean`; seen before the key is taken. */
function noteFlag(cast: Node, { keys }: Found): void {
  const key = keyTaken(cast['arg']);
  if (key !== undefined && namesIn(nodeAt(cast, 'typeName')?.['names']).at(-1) === 'bool' && !keys.has(key))
    keys.set(key, true);
}

/** `… ->> 'role' = 'admin'`, `… -> 'roles' ? 'admin'`. */
function noteKey(part: Node, { keys }: Found): void {
  const operator = operatorOf(part);
  if (operator === '->' || operator === '->>') {
    const key = literalIn(part['rexpr']);
    if (key !== undefined && !keys.has(key)) keys.set(key, TENANT);
    return;
  }
  const value = literalIn(part['rexpr']);
  const key = keyTaken(part['lexpr']);
  if (key === undefined || value === undefined) return;
  if (operator === '=') keys.set(key, value);
  if (operator === '?') keys.set(key, [value]);
  if (operator === '@>') keys.set(key, documentIn(value));
}

/** Visited from the outside: what an inner operator takes is on the way to what was noted already. */
function noteClaim(taking: Node, { claims }: Found): void {
  const path = pathTaken(taking);
  if (path === undefined || path.length === 0) return;
  if (!claims.some((known) => path.every((key, at) => known[at] === key))) claims.push(path);
}

/** The keys that lead to a value from a document that is made of no column; `undefined` where nobody can tell. */
function pathTaken(value: unknown): readonly string[] | undefined {
  const cast = nodeAt(value, 'TypeCast');
  if (cast !== undefined) return pathTaken(cast['arg']);
  const query = nodeAt(value, 'SubLink');
  if (query !== undefined && columnsIn(query).length === 0) return pathTaken(selectedBy(query));
  const taking = nodeAt(value, 'A_Expr');
  const operator = namesIn(taking?.['name']).at(-1) ?? '';
  if (taking === undefined || !/^(->|#>)>?$/.test(operator)) return columnsIn(value).length === 0 ? [] : undefined;
  const before = pathTaken(taking['lexpr']);
  const key = literalIn(taking['rexpr']);
  if (before === undefined || key === undefined) return undefined;
  return [...before, ...(operator.startsWith('#') ? key.replace(/[{}"]/g, '').split(',') : [key])];
}

function selectedBy(query: Node): unknown {
  const targets = nodeAt(query, 'subselect', 'SelectStmt')?.['targetList'];
  return Array.isArray(targets) ? nodeAt(targets[0], 'ResTarget')?.['val'] : undefined;
}

/** The key by which a value is taken that is cast or shaped at most. */
function keyTaken(value: unknown): string | undefined {
  const cast = nodeAt(value, 'TypeCast');
  if (cast !== undefined) return keyTaken(cast['arg']);
  const call = nodeAt(value, 'FuncCall');
  if (call !== undefined) return Array.isArray(call['args']) ? keyTaken(call['args'][0]) : undefined;
  const taking = nodeAt(value, 'A_Expr');
  return /^->>?$/.test(namesIn(taking?.['name']).at(-1) ?? '') ? literalIn(taking!['rexpr']) : undefined;
}

/** A constant, or the first of those among which a value has to be. */
function literalIn(value: unknown): string | undefined {
  if (Array.isArray(value)) return literalIn(value[0]);
  const inner = nodeAt(value, 'TypeCast')?.['arg'] ?? nodeAt(value, 'A_ArrayExpr')?.['elements'];
  if (inner !== undefined) return literalIn(inner);
  const constant = nodeAt(value, 'A_Const');
  return constant === undefined ? undefined : constantOf(constant);
}

function documentIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Functions that give the role's name in another shape. */
const SHAPES = /^(pg_catalog\.)?(lower|upper|initcap|btrim|ltrim|rtrim|text|varchar|bpchar|name)$/;

/** `current_user`, cast, shaped, among others or in a subquery of its own: a value that is the role's name. */
function isRoleName(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isRoleName);
  if (!isNode(value)) return false;
  const [key, part] = Object.entries(value)[0] ?? [];
  if (!isNode(part)) return false;
  if (key === 'SQLValueFunction') return /USER|ROLE/.test(String(part['op']));
  if (key === 'TypeCast' || key === 'CollateClause') return isRoleName(part['arg']);
  if (key === 'A_ArrayExpr') return isRoleName(part['elements']);
  if (key === 'List') return isRoleName(part['items']);
  if (key === 'CoalesceExpr') return isRoleName(part['args']);
  if (key === 'FuncCall')
    return (
      /^(pg_catalog\.)?getpgusername$/.test(nameOf(part)) || (SHAPES.test(nameOf(part)) && isRoleName(part['args']))
    );
  if (key !== 'SubLink') return false;
  const select = nodeAt(part, 'subselect', 'SelectStmt');
  const targets = select?.['targetList'];
  if (select?.['fromClause'] !== undefined || !Array.isArray(targets) || targets.length !== 1) return false;
  return isRoleName(nodeAt(targets[0], 'ResTarget')?.['val']);
}

function columnsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(columnsIn);
  if (!isNode(value)) return [];
  const reference = value['ColumnRef'];
  if (!isNode(reference)) return Object.values(value).flatMap(columnsIn);
  const fields = Array.isArray(reference['fields']) ? reference['fields'] : [];
  return [fields.map((field) => nodeAt(field, 'String')?.['sval'] ?? '*').join('.')];
}

function noteCall(part: Node, found: Found, { wrapped, inFrom }: Place): void {
  const name = nameOf(part);
  noteSetting(name, part, found);
  // An aggregate over rows, or a set of rows, is no value that could be taken once.
  const isValue = !inFrom && part['agg_star'] !== true && part['over'] === undefined;
  if (!isValue || part['funcformat'] !== 'COERCE_EXPLICIT_CALL') return;
  const byteStart = Number(part['location']) - PREFIX;
  const start = found.bytes.subarray(0, byteStart).toString().length;
  const end = endOfParentheses(found.text, found.text.indexOf('(', start));
  const readsColumns = columnsIn(part['args']).length > 0;
  found.calls.push({ name, start, end, readsColumns, isWrapped: wrapped });
}

function noteSetting(name: string, part: Node, found: Found): void {
  if (!/(^|\.)current_setting$/.test(name)) return;
  found.uncast++;
  if (!Array.isArray(part['args'])) return;
  const [first] = part['args'];
  const constant = nodeAt(first, 'TypeCast') === undefined ? first : nodeAt(first, 'TypeCast')?.['arg'];
  const setting = constantOf(nodeAt(constant, 'A_Const') ?? {});
  if (setting !== undefined) found.settings.add(setting);
}

/** Types that no word can be read as. */
const STRICT_TYPES = new Set(['uuid', 'int2', 'int4', 'int8', 'numeric']);

/** `current_setting(…)::uuid`, also of NULLIF. */
function isCastSetting(part: Node): boolean {
  const type = namesIn(nodeAt(part, 'typeName')?.['names']).at(-1) ?? '';
  if (!STRICT_TYPES.has(type)) return false;
  const nullif = nodeAt(part, 'arg', 'A_Expr');
  const call =
    nullif?.['kind'] === 'AEXPR_NULLIF' ? nodeAt(nullif['lexpr'], 'FuncCall') : nodeAt(part, 'arg', 'FuncCall');
  return call !== undefined && /(^|\.)current_setting$/.test(nameOf(call));
}

function nameOf(part: Node): string {
  return namesIn(part['funcname']).join('.');
}

function namesIn(words: unknown): string[] {
  return Array.isArray(words) ? words.map((word) => String(nodeAt(word, 'String')?.['sval'] ?? '')) : [];
}

function nodeAt(value: unknown, ...path: readonly string[]): Node | undefined {
  let node: unknown = value;
  for (const key of path) node = isNode(node) ? node[key] : undefined;
  return isNode(node) ? node : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
