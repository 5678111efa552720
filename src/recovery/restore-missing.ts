/** What a line of `pg_restore --list` stands for: `DUMPID; CATALOG OID KIND SCHEMA NAME OWNER` (pg_restore's docs). */
const ENTRY = /^\d+; \d+ \d+ (.*)$/;

/** The part of a dump that brings missing objects back, in the order in which it is run. */
export interface MissingContents {
  /** What is made before rows come, for `pg_restore --use-list`: schemas, types, functions, tables, views. */
  readonly structure: string;
  /** The rows, table by table. */
  readonly rows: readonly { readonly object: string; readonly part: string }[];
  /** What is made when the rows are in: constraints, indexes, triggers, policies, grants. */
  readonly rest: string;
  /** Objects that no line stands for. */
  readonly unknown: readonly string[];
}

/**
 * The part of a dump's table of contents that brings missing objects back and touches nothing that is there.
 * @param missing objects as the catalog's print names them: `table public.contact`, `index public.contact_email`
 * @param owners roles that they may belong to: the list does not say where a name ends
 */
export function selectMissing(list: string, missing: readonly string[], owners: readonly string[]): MissingContents {
  const lines = list.split('\n').flatMap((line) => {
    const entry = ENTRY.exec(line)?.[1];
    return entry === undefined ? [] : [{ line, entry }];
  });
  const heads = headsOf(missing);
  const ends = ['', ...new Set(owners)].map((owner) => ` ${onOneLine(owner)}`);
  const routines = routineHeads(lines, missing, ends);
  const objectOf = (entry: string): string | undefined => {
    const end = ends.filter((one) => entry.endsWith(one));
    return end.flatMap((one) => {
      const head = entry.slice(0, entry.length - one.length);
      return heads.get(head) ?? routines.get(head) ?? [];
    })[0];
  };
  const chosen = lines.flatMap(({ line, entry }, index) => {
    const object = objectOf(entry);
    return object === undefined ? [] : [{ line, entry, index, object }];
  });
  const firstRows = lines.findIndex(({ entry }) => /^(TABLE DATA|SEQUENCE SET|BLOBS?) /.test(entry));
  const place = firstRows === -1 ? lines.length : firstRows;
  const isRows = ({ entry }: { readonly entry: string }) => entry.startsWith('TABLE DATA ');
  // Grants come after what default privileges have granted was taken back.
  const isStructure = ({ entry, index }: (typeof chosen)[number]) => index < place && !/^(DEFAULT )?ACL /.test(entry);
  const found = new Set(chosen.map(({ object }) => object));
  return {
    structure: linesOf(chosen.filter(isStructure)),
    rows: chosen.filter(isRows).map(({ object, line }) => ({ object, part: `${line}\n` })),
    rest: linesOf(chosen.filter((one) => !isStructure(one) && !isRows(one))),
    unknown: missing.filter((object) => !found.has(object) && !comesWithAnother(object, missing)),
  };
}

function linesOf(entries: readonly { readonly line: string }[]): string {
  return entries.map(({ line }) => `${line}\n`).join('');
}

/** What the lines of the objects say up to their owner, each with its object. Names in the list are not quoted. */
function headsOf(missing: readonly string[]): Map<string, string> {
  const gone = new Set(missing);
  const heads = new Map<string, string>();
  for (const object of missing) {
    // A column that was dropped from a table that is there has no line of its own: its default would find no column.
    if (object.startsWith('column ') && !gone.has(`table ${tableOfColumn(object)}`)) continue;
    for (const head of headsFor(object)) heads.set(onOneLine(head), object);
  }
  return heads;
}

function headsFor(object: string): string[] {
  const [kind, rest] = splitKind(object);
  const [schema = '', name = '', own = ''] = partsOf(rest);
  switch (kind) {
    case 'table':
      return [
        ...['TABLE', 'TABLE DATA', 'TABLE ATTACH', 'ROW SECURITY'].map((word) => `${word} ${schema} ${name}`),
        ...attachments(schema, 'TABLE', name),
      ];
    case 'column':
      return [`DEFAULT ${schema} ${name} ${own}`, ...attachments(schema, 'COLUMN', `${name}.${own}`)];
    case 'foreign table':
      return [
        `FOREIGN TABLE ${schema} ${name}`,
        ...attachments(schema, 'FOREIGN TABLE', name),
        `ACL ${schema} TABLE ${name}`,
      ];
    case 'view':
      return [
        `VIEW ${schema} ${name}`,
        `RULE ${schema} ${name} _RETURN`,
        `ACL ${schema} TABLE ${name}`,
        ...attachments(schema, 'VIEW', name),
      ];
    case 'materialized view':
      return [
        `MATERIALIZED VIEW ${schema} ${name}`,
        `MATERIALIZED VIEW DATA ${schema} ${name}`,
        `ACL ${schema} TABLE ${name}`,
        ...attachments(schema, 'MATERIALIZED VIEW', name),
      ];
    case 'sequence':
      return [
        ...['SEQUENCE', 'SEQUENCE OWNED BY', 'SEQUENCE SET'].map((word) => `${word} ${schema} ${name}`),
        ...attachments(schema, 'SEQUENCE', name),
      ];
    case 'index':
      return [`INDEX ${schema} ${name}`, `INDEX ATTACH ${schema} ${name}`, ...attachments(schema, 'INDEX', name)];
    case 'statistics':
      return [`STATISTICS ${schema} ${name}`, ...attachments(schema, 'STATISTICS', name)];
    case 'constraint':
      return [
        ...['CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT'].map((word) => `${word} ${schema} ${name} ${own}`),
        `COMMENT ${schema} CONSTRAINT ${own} ON ${name}`,
      ];
    case 'policy':
    case 'trigger':
    case 'rule': {
      const word = kind.toUpperCase();
      return [`${word} ${schema} ${name} ${own}`, ...attachments(schema, `${word} ${own} ON`, name)];
    }
    case 'type':
      return [
        ...['TYPE', 'DOMAIN', 'SHELL TYPE'].map((word) => `${word} ${schema} ${name}`),
        ...attachments(schema, 'TYPE', name),
        ...attachments(schema, 'DOMAIN', name),
      ];
    case 'schema':
      return [`SCHEMA - ${schema}`, ...attachments('-', 'SCHEMA', schema)];
    case 'extension':
      return [`EXTENSION - ${rest}`, `COMMENT - EXTENSION ${rest}`];
    case 'event trigger':
      return [`EVENT TRIGGER - ${schema}`, ...attachments('-', 'EVENT TRIGGER', schema)];
    default:
      return [];
  }
}

/** Grants, comments and labels of an object. */
function attachments(schema: string, kind: string, name: string): string[] {
  return ['ACL', 'COMMENT', 'SECURITY LABEL'].map((word) => `${word} ${schema} ${kind} ${name}`);
}

// ── functions ───────────────────────────────────────────────────────────────────────────────────────────────────────

const ROUTINES = ['function', 'procedure', 'aggregate'];

/**
 * The list has the types of the arguments alone, the catalog their names and modes as well: of functions with one name,
 * those lines are a missing one's whose types are the ends of its arguments.
 */
function routineHeads(
  lines: readonly { readonly entry: string }[],
  missing: readonly string[],
  ends: readonly string[],
): Map<string, string> {
  const heads = new Map<string, string>();
  for (const object of missing) {
    const [kind, rest] = splitKind(object);
    if (!ROUTINES.includes(kind)) continue;
    const open = openingParenthesis(rest);
    const [schema = '', name = ''] = partsOf(rest.slice(0, open)).map(onOneLine);
    const wanted = argumentsOf(rest.slice(open));
    for (const word of [
      kind.toUpperCase(),
      `ACL ${schema} ${kind.toUpperCase()}`,
      `COMMENT ${schema} ${kind.toUpperCase()}`,
    ]) {
      const start = word.includes(' ') ? `${word} ${name}(` : `${word} ${schema} ${name}(`;
      for (const { entry } of lines.filter((line) => line.entry.startsWith(start))) {
        const end = ends.find((one) => entry.endsWith(`)${one}`));
        if (end === undefined) continue;
        const head = entry.slice(0, entry.length - end.length);
        if (isSameSignature(argumentsOf(head.slice(start.length - 1)), wanted)) heads.set(head, object);
      }
    }
  }
  return heads;
}

function isSameSignature(types: readonly string[], described: readonly string[]): boolean {
  const own = described.filter((argument) => !argument.startsWith('OUT ') && !argument.startsWith('TABLE '));
  return (
    types.length === own.length && types.every((type, index) => own[index] === type || own[index]!.endsWith(` ${type}`))
  );
}

/** `(a integer, b text[])`: what stands between the commas. */
function argumentsOf(text: string): string[] {
  const inner = onOneLine(text).replace(/^\(/, '').replace(/\)$/, '');
  // pg_dump writes * for the arguments of an aggregate without any.
  return inner === '' || inner === '*' ? [] : inner.split(', ');
}

/** Where the arguments begin: behind the last quoted name. */
function openingParenthesis(text: string): number {
  const quoted = /^(?:"(?:[^"]|"")*"|[^".(]+)\.(?:"(?:[^"]|"")*"|[^"(]+)/.exec(text);
  return quoted === null ? text.indexOf('(') : quoted[0].length;
}

// ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const KINDS = [
  'materialized view',
  'foreign table',
  'view definition',
  'sequence settings',
  'event trigger',
  'default privileges',
];

function splitKind(object: string): [string, string] {
  const long = KINDS.find((kind) => object.startsWith(`${kind} `));
  const kind = long ?? object.slice(0, object.indexOf(' '));
  return [kind, object.slice(kind.length + 1)];
}

/** `public."it's a" "the key"` without quotes: `public`, `it's a`, `the key`. */
function partsOf(text: string): string[] {
  const names = [...text.matchAll(/"((?:[^"]|"")*)"|([^\s."]+)/gs)];
  return names.map(([, quoted, bare]) => (quoted === undefined ? bare! : quoted.replaceAll('""', '"')));
}

/** `column public.contact.email`: `public.contact`. */
function tableOfColumn(object: string): string {
  return /^column ((?:"(?:[^"]|"")*"|[^".]+)\.(?:"(?:[^"]|"")*"|[^".]+))\./s.exec(object)?.[1] ?? '';
}

/** pg_restore writes a line break in a name as a blank. */
function onOneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ');
}

/** Columns come with their table, definitions of views and settings of sequences with what they describe. */
function comesWithAnother(object: string, missing: readonly string[]): boolean {
  const [kind, rest] = splitKind(object);
  if (kind === 'column')
    return ['table', 'view', 'materialized view', 'foreign table'].some((other) =>
      missing.includes(`${other} ${tableOfColumn(object)}`),
    );
  if (kind === 'view definition')
    return ['view', 'materialized view'].some((other) => missing.includes(`${other} ${rest}`));
  if (kind === 'sequence settings') return missing.includes(`sequence ${rest}`);
  // What is part of a table's own line: a CHECK that is in its CREATE TABLE, the index of a key.
  const [schema, name] = partsOf(rest);
  if (kind !== 'constraint' && kind !== 'index' && kind !== 'sequence') return false;
  return missing.some((other) => {
    const [otherKind, otherRest] = splitKind(other);
    const [otherSchema, otherName, otherOwn] = partsOf(otherRest);
    if (kind === 'constraint') return otherKind === 'table' && otherSchema === schema && otherName === name;
    if (kind === 'index') return otherKind === 'constraint' && otherSchema === schema && otherOwn === name;
    // An identity's sequence is made by its table.
    return otherKind === 'table' && otherSchema === schema && name?.startsWith(`${otherName}_`) === true;
  });
}
