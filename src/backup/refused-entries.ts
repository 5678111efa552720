import { catalogNameOf, IDENTIFIER, unquoted } from './catalog-name.ts';
import type { CatalogEntry, Difference } from './compare.ts';
import { entryOf, onOneLine } from './contents-line.ts';
import type { TableContent } from './manifest.ts';

/** An entry of a dump that the server did not take. */
export interface RefusedEntry {
  /** `VIEW`, `TABLE DATA`, … */
  readonly kind: string;
  /** `public nearest`, `public docs own` (schema, name and what of it), as a table of contents writes it. */
  readonly object: string;
  /** What the server said. */
  readonly message: string;
}

const KINDS =
  /^(ACL|AGGREGATE|CAST|CHECK CONSTRAINT|COMMENT|CONSTRAINT|DATABASE PROPERTIES|DEFAULT|DEFAULT ACL|DOMAIN|EVENT TRIGGER|FK CONSTRAINT|FOREIGN TABLE|FUNCTION|INDEX|INDEX ATTACH|MATERIALIZED VIEW|MATERIALIZED VIEW DATA|OPERATOR|OPERATOR CLASS|OPERATOR FAMILY|POLICY|PROCEDURE|PUBLICATION|PUBLICATION TABLE|ROW SECURITY|RULE|SCHEMA|SEQUENCE|SEQUENCE OWNED BY|SEQUENCE SET|STATISTICS|TABLE|TABLE ATTACH|TABLE DATA|TRIGGER|TYPE|VIEW) (.*)$/;

/** Listens to a pg_restore that goes on behind what the server refuses. */
export class RefusedEntries {
  readonly entries: RefusedEntry[] = [];
  /** By their numbers: what pg_restore says of an entry lacks its schema. */
  readonly #listed: ReadonlyMap<string, string>;
  readonly #owners: readonly string[];
  #entry: string | undefined;

  /**
   * @param list table of contents of what is restored
   * @param owners roles of the backup
   */
  constructor(list: string, owners: readonly string[]) {
    const entries = list.split('\n').flatMap((line) => entryOf(line) ?? []);
    this.#listed = new Map(entries.map(({ id, text }) => [id, text]));
    this.#owners = owners.map(onOneLine);
  }

  hear(line: string): void {
    const id = /^pg_restore: from TOC entry (\d+);/.exec(line)?.[1];
    if (id !== undefined) this.#entry = this.#listed.get(id);
    const message = /^pg_restore: error: .*?ERROR: {1,2}(.*)$/.exec(line)?.[1];
    if (message === undefined) return;
    const [kind, rest] = kindOf(this.#entry ?? '');
    const owner = this.#owners.find((name) => rest.endsWith(` ${name}`));
    const object = owner === undefined ? rest : rest.slice(0, -owner.length - 1);
    // What was not made cannot be given to its owner either.
    if (this.entries.some((entry) => entry.kind === kind && entry.object === object)) return;
    this.entries.push({ kind, object, message });
  }
}

/** The longest kind that the entry begins with. */
function kindOf(entry: string): [kind: string, rest: string] {
  const words = entry.split(' ');
  for (let count = 3; count > 0; count -= 1) {
    const [, kind, rest] = KINDS.exec(`${words.slice(0, count).join(' ')} ${words.slice(count).join(' ')}`) ?? [];
    if (kind !== undefined && rest !== undefined && kind.split(' ').length === count) return [kind, rest];
  }
  return ['', entry];
}

/** What became of a restore to a server that lacks extensions. */
export interface Lack {
  /** Entries that need what only such an extension has, or need one of these. */
  readonly excused: readonly RefusedEntry[];
  /** Entries of which that cannot be said. */
  readonly unclear: readonly RefusedEntry[];
}

/** Tells what a missing extension has kept from being restored: what it needs is in no backup, or was kept from it too. */
export function lackOf(refused: readonly RefusedEntry[], catalog: readonly CatalogEntry[]): Lack {
  const objects = new Map<string, string>();
  for (const { name } of catalog) {
    const found = catalogNameOf(name);
    if (found !== undefined && found.part === undefined) {
      objects.set(`${found.schema}.${found.name}`, onOneLine(`${found.schema} ${found.name}`));
    }
  }
  const excused: RefusedEntry[] = [];
  const unclear: RefusedEntry[] = [];
  const isGone = (name: string): boolean => {
    const object = objects.get(name);
    return object === undefined || excused.some((entry) => isOf(entry, object));
  };
  for (const entry of refused) (neededBy(entry.message).some(isGone) ? excused : unclear).push(entry);
  return { excused, unclear };
}

/** Names, without quotes, of what the server did not find; none when it was something else. */
function neededBy(message: string): string[] {
  const quoted =
    /^(?:type|relation|access method|language|foreign-data wrapper|text search configuration|text search dictionary|materialized view) "(.*)" does not exist/.exec(
      message,
    )?.[1];
  if (quoted !== undefined) return [quoted];
  const modified = /^type modifier is not allowed for type "(.*)"/.exec(message)?.[1];
  if (modified !== undefined) return [modified];
  const routine = /^(?:function|procedure|aggregate) (.*?)\(.*\) does not exist/.exec(message)?.[1];
  if (routine !== undefined) return [routine];
  if (!/^(?:operator |data type |cannot cast type |operator class )/.test(message)) return [];
  const names = message.match(new RegExp(`${IDENTIFIER}\\.${IDENTIFIER}`, 'g')) ?? [];
  return names.map(unquotedName);
}

function unquotedName(text: string): string {
  const found = catalogNameOf(text);
  return found === undefined ? unquoted(text) : `${found.schema}.${found.name}`;
}

function isOf({ object }: RefusedEntry, name: string): boolean {
  return object === name || object.startsWith(`${name}(`);
}

/** Tables with rows that were not restored: of those nothing is proved. */
export function rowsWithout({ excused }: Lack, tables: readonly TableContent[]): string[] {
  const gone = excused.filter(({ kind }) => kind === 'TABLE' || kind === 'TABLE DATA').map(({ object }) => object);
  return tables
    .filter(({ schema, name, rows }) => rows > 0 && gone.includes(onOneLine(`${schema} ${name}`)))
    .map(({ schema, name, rows }) => `table ${schema}.${name}: ${rows} rows`);
}

/** Differences that what was not restored does not explain. */
export function unexplained(
  differences: readonly Difference[],
  { excused }: Lack,
  tables: readonly TableContent[],
): Difference[] {
  return differences.filter(({ object }) => !excused.some((entry) => explains(entry, object, tables)));
}

const CATALOG_KINDS =
  /^(?:table|view definition|view|materialized view|foreign table|sequence settings|sequence|column|constraint|index|policy|trigger|rule|function|procedure|aggregate|type|statistics) (.*)$/s;

function explains(entry: RefusedEntry, object: string, tables: readonly TableContent[]): boolean {
  const table = tables.find(({ schema, name }) => object === `table ${schema}.${name}`);
  if (table !== undefined && entry.object === onOneLine(`${table.schema} ${table.name}`)) return true;
  const found = catalogNameOf(CATALOG_KINDS.exec(object)?.[1] ?? '');
  if (found === undefined) return false;
  const name = onOneLine(`${found.schema} ${found.name}`);
  if (found.isRoutine) return entry.object.startsWith(`${name}(`);
  return entry.object === name || (found.part !== undefined && entry.object === onOneLine(`${name} ${found.part}`));
}
