import { entryOf, onOneLine } from './contents-line.ts';
import type { ExtensionUsed, ForeignKey } from './manifest.ts';

/** What a scratch server is not asked to restore. */
export interface Omissions {
  /** Extensions that it does not have. */
  readonly extensions: readonly Pick<ExtensionUsed, 'name'>[];
  /** Foreign keys to tables whose rows are not in the backup. */
  readonly foreignKeys: readonly ForeignKey[];
  /** Schemas of which no grants are restored: what lies in them is not what it was. */
  readonly grantsIn?: readonly string[];
  /** Schemas that every new database has, of the same owner, so that nothing is to be done about them. */
  readonly schemas?: readonly { readonly name: string; readonly owner: string }[];
}

/**
 * The table of contents of a dump (`pg_restore --list`) without what is omitted, for `pg_restore --use-list`. Each line
 * is `DUMPID; CATALOG OID KIND SCHEMA NAME OWNER`; names are not quoted, so whole lines are compared and none is cut up.
 */
export function omitFromList(
  list: string,
  { extensions, foreignKeys, grantsIn = [], schemas = [] }: Omissions,
): string {
  const unwanted = [
    ...extensions.flatMap(({ name }) => [`EXTENSION - ${name} `, `COMMENT - EXTENSION ${name} `]),
    ...foreignKeys.map(({ schema, table, name, owner }) => `FK CONSTRAINT ${schema} ${table} ${name} ${owner}`),
    ...schemas.map(({ name, owner }) => `SCHEMA - ${name} ${owner}`),
  ].map(onOneLine);
  const grants = grantsIn.flatMap((schema) => [`ACL ${schema} `, `ACL - SCHEMA ${schema} `]).map(onOneLine);
  const kept = list.split('\n').filter((line) => {
    const entry = entryOf(line)?.text;
    return entry === undefined || !(unwanted.includes(entry) || grants.some((start) => entry.startsWith(start)));
  });
  return kept.join('\n');
}
