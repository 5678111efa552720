import { entryOf, onOneLine } from './contents-line.ts';
import type { ExtensionUsed, ForeignKey } from './manifest.ts';

/** An index, as a dump and as the catalog name it. */
export interface CatalogIndex {
  readonly schema: string;
  readonly name: string;
  /** `CatalogEntry.name`: qualified and quoted. */
  readonly catalogName: string;
  readonly accessMethod: string;
}

/** What a scratch server is not asked to restore. */
export interface Omissions {
  /** Extensions that it does not have. */
  readonly extensions: readonly Pick<ExtensionUsed, 'name'>[];
  /** Names of those in whose place something is there under their name. */
  readonly stubbed?: readonly string[];
  /** Foreign keys to tables whose rows are not in the backup. */
  readonly foreignKeys: readonly ForeignKey[];
  /** Indexes whose access method it does not have. */
  readonly indexes?: readonly CatalogIndex[];
  /** Schemas in which only grants on what is known are restored: the rest belonged to an extension that is missing. */
  readonly grantsIn?: readonly { readonly schema: string; readonly known: readonly string[] }[];
  /** Schemas that are there already, of the same owner, so that nothing is to be done about them. */
  readonly schemas?: readonly { readonly name: string; readonly owner: string }[];
}

/**
 * The table of contents of a dump (`pg_restore --list`) without what is omitted, for `pg_restore --use-list`. Each line
 * is `DUMPID; CATALOG OID KIND SCHEMA NAME OWNER`; names are not quoted, so whole lines are compared and none is cut up.
 */
export function omitFromList(
  list: string,
  { extensions, foreignKeys, indexes = [], grantsIn = [], schemas = [] }: Omissions,
): string {
  const unwanted = new Set(
    [
      ...extensions.flatMap(({ name }) => [`EXTENSION - ${name} `, `COMMENT - EXTENSION ${name} `]),
      ...foreignKeys.map(({ schema, table, name, owner }) => `FK CONSTRAINT ${schema} ${table} ${name} ${owner}`),
      ...schemas.map(({ name, owner }) => `SCHEMA - ${name} ${owner}`),
    ].map(onOneLine),
  );
  const ofIndexes = indexes
    .flatMap(({ schema, name }) => [
      `INDEX ${schema} ${name} `,
      `INDEX ATTACH ${schema} ${name} `,
      `COMMENT ${schema} INDEX ${name} `,
    ])
    .map(onOneLine);
  const kept = list.split('\n').filter((line) => {
    const entry = entryOf(line)?.text;
    if (entry === undefined) return true;
    if (unwanted.has(entry) || ofIndexes.some((start) => entry.startsWith(start))) return false;
    return !grantsIn.some((place) => isGrantOnUnknown(entry, place));
  });
  return kept.join('\n');
}

const GRANT_ON = /^(?:TABLE|SEQUENCE|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|COLUMN) /;

function isGrantOnUnknown(entry: string, { schema, known }: NonNullable<Omissions['grantsIn']>[number]): boolean {
  if (known.length === 0 && entry.startsWith(onOneLine(`ACL - SCHEMA ${schema} `))) return true;
  const start = onOneLine(`ACL ${schema} `);
  if (!entry.startsWith(start)) return false;
  const object = entry.slice(start.length).replace(GRANT_ON, '').replaceAll('"', '');
  return !known.map(onOneLine).some((name) => object.startsWith(name) && ' (.'.includes(object.charAt(name.length)));
}
