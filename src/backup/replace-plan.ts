import type { CatalogEntry } from './compare.ts';
import { entryOf, onOneLine } from './contents-line.ts';
import type { Manifest, TableContent } from './manifest.ts';

/** The parts of a dump's table of contents that a restore in one transaction runs one after the other. */
export interface ReplaceParts {
  /** Without the rows of tables; for every section. */
  readonly rest: string;
  /** The line of each table's rows. */
  readonly rows: readonly { readonly table: TableContent; readonly line: string }[];
  /** Tables whose rows the list does not name, or names twice. */
  readonly unclear: readonly TableContent[];
}

/** What of a dump is there already and stays. */
export interface Kept {
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  /** Roles whose default privileges are not ours to change. */
  readonly foreignRoles: readonly string[];
}

/** Cuts the table of contents (`pg_restore --list`) into what is run, without what is there already and stays. */
export function replaceParts(list: string, { tables, roles }: Manifest, kept: Kept): ReplaceParts {
  const lines = list.split('\n');
  const owners = roles.map(({ name }) => name);
  const linesOf = new Map(
    tables.map((table) => {
      const texts = new Set(owners.map((owner) => onOneLine(`TABLE DATA ${table.schema} ${table.name} ${owner}`)));
      return [table, lines.filter((line) => texts.has(entryOf(line)?.text ?? ''))];
    }),
  );
  const stays = [
    ...kept.schemas.flatMap((name) => owners.map((owner) => `SCHEMA - ${name} ${owner}`)),
    ...kept.extensions.map((name) => `COMMENT - EXTENSION ${name} `),
  ].map(onOneLine);
  const foreign = kept.foreignRoles.map((role) => onOneLine(` ${role}`));
  const isLeft = (line: string): boolean => {
    const text = entryOf(line)?.text;
    if (text === undefined) return false;
    if (text.startsWith('TABLE DATA ')) return true;
    if (text.startsWith('DEFAULT ACL ')) return foreign.some((ending) => text.endsWith(ending));
    return stays.some((entry) => text === entry || (entry.endsWith(' ') && text.startsWith(entry)));
  };
  return {
    rest: lines.filter((line) => !isLeft(line)).join('\n'),
    rows: [...linesOf].flatMap(([table, found]) => (found.length === 1 ? [{ table, line: `${found[0]}\n` }] : [])),
    unclear: [...linesOf].flatMap(([table, found]) => (found.length === 1 ? [] : [table])),
  };
}

/** What of the catalog lies in schemas that the backup does not hold, and must be there afterwards as it was. */
export function outside(catalog: readonly CatalogEntry[], { excludedSchemas }: Manifest): CatalogEntry[] {
  return catalog.filter(({ schema }) => excludedSchemas.includes(schema));
}
