import { createHash } from 'node:crypto';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { CatalogEntry } from './compare.ts';
import type { TableName } from './table-contents.ts';

/** A column as it was in the backup. */
export interface BackupColumn {
  readonly name: string;
  /** As format_type writes it with an empty search_path: `public.amount`, `character varying(20)`. */
  readonly type: string;
}

/** What the comment of a side schema says: which rows lie in it. Only whole ones are ever committed. */
export interface SideMark {
  readonly backup: string;
  readonly table: TableName;
}

const PREFIX = 'aisha-db side ';

/** The schema that the rows of one table of one backup are loaded into: the same in every run. */
export function sideSchema(mark: SideMark): string {
  const hash = createHash('sha256').update(JSON.stringify([mark.backup, mark.table.schema, mark.table.name]));
  return `aisha_restore_${hash.digest('hex').slice(0, 10)}`;
}

export function writeSideMark(mark: SideMark): string {
  return `${PREFIX}${JSON.stringify(mark)}`;
}

export function readSideMark(comment: string | null): SideMark | undefined {
  if (comment?.startsWith(PREFIX) !== true) return undefined;
  try {
    return JSON.parse(comment.slice(PREFIX.length)) as SideMark;
  } catch {
    return undefined;
  }
}

/**
 * The columns that a dump has rows for, from the line that begins them: `COPY public.a (id, "b c") FROM stdin;`.
 * `undefined` for any other line.
 */
export function copyColumns(line: string): readonly string[] | undefined {
  const identifier = '(?:"(?:[^"]|"")*"|[^\\s"(),.;]+)';
  const match = new RegExp(`^COPY ${identifier}\\.${identifier} \\((.*)\\) FROM stdin;$`).exec(line);
  if (match === null) return undefined;
  const items = match[1]!.match(new RegExp(identifier, 'g')) ?? [];
  return items.map((item) => (item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item));
}

/** The types that the columns had, by the catalog of the backup; `undefined` for one that it does not know. */
export function columnsOf(
  catalog: readonly CatalogEntry[],
  catalogName: string,
  names: readonly string[],
  quoted: (name: string) => string,
): (BackupColumn | undefined)[] {
  const columns = new Map(
    catalog.flatMap(({ kind, name, definition }) => (kind === 'column' ? [[name, definition] as const] : [])),
  );
  return names.map((name) => {
    const definition = columns.get(`${catalogName}.${quoted(name)}`);
    const type = definition === undefined ? undefined : typeOf(definition);
    return type === undefined ? undefined : { name, type };
  });
}

/** The type at the beginning of a column's definition; a name in quotes may hold anything. */
function typeOf(definition: string): string | undefined {
  return /^((?:"(?:[^"]|"")*"|[^";])*?) (?:not null|null)(?:, inherited)?; default /.exec(definition)?.[1];
}

/** SQL that makes the table for the rows: no policy, no grant, no default of anybody else's. */
export function sideTableSql(schema: string, table: TableName, columns: readonly BackupColumn[]): string[] {
  const name = quoteQualified(schema, table.name);
  const list = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(', ');
  return [
    `create schema ${quoteIdentifier(schema)}`,
    `create table ${name} (${list})`,
    // Without a policy nobody but the owner sees a row, whatever default privileges have granted.
    `alter table ${name} enable row level security`,
  ];
}
