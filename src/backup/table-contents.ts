import { entryOf, onOneLine } from './contents-line.ts';

/** A line of a dump's table of contents (`pg_restore --list --verbose`). */
interface Entry {
  readonly id: string;
  readonly line: string;
  /** Behind the numbers: `TABLE public invoice app_owner`. */
  readonly text: string;
  readonly dependsOn: readonly string[];
}

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** The part of a dump that makes one table. */
export interface TableContents {
  /** What is made before the rows come, for `pg_restore --use-list`: the table, its sequences and defaults. */
  readonly structure: string;
  /** Its rows; empty when the dump holds none. */
  readonly rows: string;
  /** What is made when the rows are in: grants, constraints, indexes, triggers, row-level security, policies. */
  readonly rest: string;
  /** What needs the table and is another's: views, foreign keys and policies of other tables, as the dump lists them. */
  readonly left: readonly string[];
}

/** Kinds that belong to the table or to something of it that they depend on. */
const PARTS = [
  'COMMENT',
  'ACL',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'SEQUENCE',
  'INDEX',
  'STATISTICS',
];
/** Kinds that name their table: another table's may depend on this one too. */
const PARTS_OF_THEIR_TABLE = [
  'TABLE DATA',
  'DEFAULT',
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'TRIGGER',
  'RULE',
  'ROW SECURITY',
  'POLICY',
];

/**
 * Finds the table in a table of contents, with everything that pg_restore would have to make for it. `undefined` when
 * the dump has no such table, or two that its list does not tell apart.
 * @param owners roles that it may belong to: the list does not say where a name ends
 * @param sequences qualified names (`schema name`) of sequences that are there already, which are neither made nor set
 */
export function contentsOfTable(
  list: string,
  table: TableName,
  owners: readonly string[],
  sequences: ReadonlySet<string>,
): TableContents | undefined {
  const entries = parseEntries(list);
  const name = onOneLine(`${table.schema} ${table.name}`);
  const isTable = ({ text }: Entry) => owners.some((owner) => text === onOneLine(`TABLE ${name} ${owner}`));
  const [found, ...others] = entries.filter(isTable);
  if (found === undefined || others.length > 0) return undefined;
  const parts = closure(found, entries, name);
  const unwanted = new Set(
    entries.filter(({ text }) => isExistingSequence(text, owners, sequences)).map(({ id }) => id),
  );
  const isWanted = (entry: Entry) =>
    parts.has(entry.id) &&
    !unwanted.has(entry.id) &&
    !entry.dependsOn.some((id) => unwanted.has(id) && !isDefault(entry));
  const wanted = entries.filter(isWanted);
  const rows = wanted.filter(({ text }) => text.startsWith('TABLE DATA '));
  const place = rows[0] === undefined ? wanted.length : wanted.indexOf(rows[0]);
  // Grants come after what default privileges have granted was taken back.
  const structure = wanted.slice(0, place).filter(({ text }) => !text.startsWith('ACL '));
  return {
    structure: linesOf(structure),
    rows: linesOf(rows),
    rest: linesOf(wanted.filter((entry) => !structure.includes(entry) && !rows.includes(entry))),
    left: entries
      .filter(({ id, dependsOn }) => !parts.has(id) && dependsOn.some((other) => parts.has(other)))
      .map(({ text }) => text.trim()),
  };
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map(({ line }) => `${line}\n`).join('');
}

function parseEntries(list: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of list.split('\n')) {
    const dependencies = /^;\tdepends on:((?: \d+)*)/.exec(line);
    const last = entries.at(-1);
    if (dependencies !== null && last !== undefined) {
      entries[entries.length - 1] = { ...last, dependsOn: dependencies[1]!.trim().split(' ') };
    }
    const entry = entryOf(line);
    if (entry !== undefined) entries.push({ ...entry, line, dependsOn: [] });
  }
  return entries;
}

/** Whatever belongs to the table, and the sequences that its defaults take numbers from. */
function closure(table: Entry, entries: readonly Entry[], name: string): Set<string> {
  const parts = new Set([table.id]);
  const isSequence = (id: string) => entries.some((entry) => entry.id === id && entry.text.startsWith('SEQUENCE '));
  for (let before = 0; before < parts.size; ) {
    before = parts.size;
    for (const entry of entries) {
      if (!isPart(entry, name) || !entry.dependsOn.some((id) => parts.has(id))) continue;
      parts.add(entry.id);
      if (isDefault(entry)) for (const id of entry.dependsOn.filter(isSequence)) parts.add(id);
    }
  }
  return parts;
}

function isPart({ text }: Entry, name: string): boolean {
  if (PARTS_OF_THEIR_TABLE.some((kind) => text.startsWith(`${kind} ${name} `))) return true;
  const named = PARTS_OF_THEIR_TABLE.some((kind) => text.startsWith(`${kind} `));
  return !named && PARTS.some((kind) => text.startsWith(`${kind} `));
}

function isDefault({ text }: Entry): boolean {
  return text.startsWith('DEFAULT ');
}

function isExistingSequence(text: string, owners: readonly string[], sequences: ReadonlySet<string>): boolean {
  if (!text.startsWith('SEQUENCE ')) return false;
  const kinds = ['SEQUENCE', 'SEQUENCE SET', 'SEQUENCE OWNED BY'];
  return [...sequences].some((name) =>
    kinds.some((kind) => owners.some((owner) => text === onOneLine(`${kind} ${name} ${owner}`))),
  );
}
