import { quoteIdentifier } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';

/**
 * Rows of a query as one JSON value: tens of thousands of them are read in a fraction of the time that it takes to take
 * messages of rows and fields apart. OIDs have to be cast to int8, else they come as strings.
 */
export async function readRows<Row>(
  session: Session,
  sql: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  const [all] = await session.query<{ rows: Row[] }>(
    `select coalesce(pg_catalog.json_agg(q), '[]') as rows from (${sql}) q`,
    parameters,
  );
  return all!.rows;
}

/** Rows that are the same but for some columns: those together, each with the values of all its rows. */
export type Alike<Row, Own extends keyof Row> = Omit<Row, Own> & { readonly [K in Own]: readonly Row[K][] };

/**
 * Rows of a query of which most are the same but for a few columns: what they have in common is sent, and read, once.
 * They come in no order.
 * @param own the columns that tell rows apart
 * @param alike all other columns of the query
 * @param toRow the row at a place of its group
 */
export async function readAlike<Row, Own extends keyof Row & string>(
  session: Session,
  sql: string,
  {
    own,
    alike,
    toRow,
  }: {
    readonly own: readonly Own[];
    readonly alike: readonly Exclude<keyof Row & string, Own>[];
    readonly toRow: (group: Alike<Row, Own>, at: number) => Row;
  },
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  const common = alike.map(quoteIdentifier).join(', ');
  const apart = own.map(quoteIdentifier).map((name) => `array_agg(${name}) as ${name}`);
  const groups = await readRows<Alike<Row, Own>>(
    session,
    `select ${common}, ${apart.join(', ')} from (${sql}) row group by ${common}`,
    parameters,
  );
  const rows: Row[] = [];
  for (const group of groups) for (let at = 0; at < group[own[0]!].length; at++) rows.push(toRow(group, at));
  return rows;
}

/** Compares texts as the server does those of type `name`. */
export function compareNames(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
