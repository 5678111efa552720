/** What a line of `pg_restore --list` stands for: `DUMPID; CATALOG OID KIND SCHEMA NAME OWNER` (pg_restore's docs). */
const ENTRY = /^\d+; \d+ \d+ (.*)$/;

/**
 * The part of a dump's table of contents that brings missing objects back and touches nothing that is there.
 * @param missing objects as the catalog's print names them: `table public.contact`, `index public.contact_email`
 * @returns the list, and which objects no line of it stands for
 */
export function selectMissing(
  list: string,
  missing: readonly string[],
): { readonly list: string; readonly unknown: string[] } {
  const wanted = new Map(missing.map((object) => [object, startsFor(object)]));
  const found = new Set<string>();
  const kept = list.split('\n').filter((line) => {
    const entry = ENTRY.exec(line)?.[1];
    if (entry === undefined) return true;
    const owner = [...wanted].find(([, starts]) =>
      starts.some((start) => `${entry} `.startsWith(start.endsWith('(') ? start : `${start} `)),
    );
    if (owner !== undefined) found.add(owner[0]);
    return owner !== undefined;
  });
  // Columns come with their table.
  const unknown = missing.filter(
    (object) => !found.has(object) && !object.startsWith('column ') && !isOfMissingTable(object, missing),
  );
  return { list: kept.join('\n'), unknown };
}

/** How the lines of an object begin. Names in the list are not quoted. */
function startsFor(object: string): string[] {
  const [kind = '', rest = ''] = splitKind(object);
  const parts = partsOf(rest);
  const [schema = '', name = '', own = ''] = parts.map(onOneLine);
  switch (kind) {
    case 'table':
      return [
        ...[
          'TABLE',
          'TABLE DATA',
          'TABLE ATTACH',
          'ROW SECURITY',
          'DEFAULT',
          'CONSTRAINT',
          'CHECK CONSTRAINT',
          'FK CONSTRAINT',
          'POLICY',
          'TRIGGER',
          'RULE',
        ].map((word) => `${word} ${schema} ${name}`),
        `ACL ${schema} TABLE ${name}`,
        `ACL ${schema} COLUMN ${name}`,
        `COMMENT ${schema} TABLE ${name}`,
      ];
    case 'view':
      return [`VIEW ${schema} ${name}`, `ACL ${schema} TABLE ${name}`, `COMMENT ${schema} VIEW ${name}`];
    case 'materialized view':
      return [
        `MATERIALIZED VIEW ${schema} ${name}`,
        `MATERIALIZED VIEW DATA ${schema} ${name}`,
        `ACL ${schema} TABLE ${name}`,
      ];
    case 'sequence':
      return [
        ...['SEQUENCE', 'SEQUENCE OWNED BY', 'SEQUENCE SET'].map((word) => `${word} ${schema} ${name}`),
        `ACL ${schema} SEQUENCE ${name}`,
      ];
    case 'index':
      return [`INDEX ${schema} ${name}`, `INDEX ATTACH ${schema} ${name}`];
    case 'constraint':
      return ['CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT'].map((word) => `${word} ${schema} ${name} ${own}`);
    case 'policy':
    case 'trigger':
      return [`${kind.toUpperCase()} ${schema} ${name} ${own}`];
    case 'function':
    case 'procedure':
    case 'aggregate': {
      // The list has the types of the arguments alone, the catalog their names as well.
      const bare = name.replace(/\(.*$/s, '(');
      return [`${kind.toUpperCase()} ${schema} ${bare}`, `ACL ${schema} ${kind.toUpperCase()} ${bare}`];
    }
    case 'type':
      return [`TYPE ${schema} ${name}`, `DOMAIN ${schema} ${name}`, `ACL ${schema} TYPE ${name}`];
    case 'schema':
      return [`SCHEMA - ${schema}`, `ACL - SCHEMA ${schema}`];
    default:
      return [];
  }
}

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

/** `public."it's a" "the key"` without quotes: `public`, `it's a`, `the key`; the signature of a function stays whole. */
function partsOf(text: string): string[] {
  const names = [...text.matchAll(/"((?:[^"]|"")*)"(\(.*\))?|([^\s."(]+)(\(.*\))?/gs)];
  return names.map(([, quoted, signatureA = '', bare, signatureB = '']) =>
    quoted === undefined ? `${bare}${signatureB}` : `${quoted.replaceAll('""', '"')}${signatureA}`,
  );
}

/** pg_restore writes a line break in a name as a blank. */
function onOneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ');
}

/** Definitions of views and settings of sequences come with them. */
function isOfMissingTable(object: string, missing: readonly string[]): boolean {
  const [kind, rest] = splitKind(object);
  const [schema, name] = partsOf(rest);
  const same = (other: string) => {
    const [otherKind, otherRest] = splitKind(other);
    const [otherSchema, otherName] = partsOf(otherRest);
    return (
      ['table', 'view', 'materialized view', 'sequence'].includes(otherKind) &&
      otherSchema === schema &&
      otherName === name
    );
  };
  return (
    ['view definition', 'sequence settings', 'constraint', 'trigger', 'policy', 'index', 'rule'].includes(kind) &&
    missing.some(same)
  );
}
