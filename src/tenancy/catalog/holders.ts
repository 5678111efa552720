import { groupBy } from '../../group-by.ts';
import type { Session } from '../../postgres/session.ts';
import { columnFacts } from '../assemble.ts';
import type { IndexFacts, TableFacts } from '../facts.ts';
import { possibleHolders, saysNotWhose } from '../holders.ts';
import { readIndexes } from './indexes.ts';
import { readSomeColumns } from './relations.ts';

/** Tables of which nothing says whose their rows are, once for each column that may hold the tenant. */
export async function readPossibleHolders(session: Session, tables: readonly TableFacts[]): Promise<TableFacts[]> {
  const read = tables
    .filter(saysNotWhose)
    .flatMap(({ oid, policies }) =>
      [...new Set(policies.flatMap(({ columns }) => columns))].map((number) => ({ relation: oid, number })),
    );
  if (read.length === 0) return [];
  const columns = groupBy(await readSomeColumns(session, read), ({ relation }) => relation);
  return possibleHolders(tables, (oid) => (columns.get(oid) ?? []).map(columnFacts));
}

/** Tables of whose tenant's column the catalog did not tell at first, with the indexes that begin with it. */
export async function withIndexes(session: Session, tables: readonly TableFacts[]): Promise<TableFacts[]> {
  if (tables.length === 0) return [];
  const relations = tables.map(({ oid }) => oid);
  const schemas = await session.query<{ oid: number }>(
    'select distinct relnamespace::int8::float8 as oid from pg_catalog.pg_class where oid = any ($1::oid[])',
    [relations],
  );
  const rows = await readIndexes(session, {
    schemas: schemas.map(({ oid }) => oid),
    columns: [],
    tables: relations,
    leakyClasses: [],
  });
  const byTable = groupBy(rows, ({ table }) => table);
  return tables.map((table) => {
    const begins = (byTable.get(table.oid) ?? []).filter(({ columns }) => columns[0] === table.tenantColumn?.number);
    const own = begins.map((row): [number, IndexFacts] => [
      row.oid,
      {
        oid: row.oid,
        name: row.name,
        schema: table.schema,
        method: row.method,
        columns: row.columns,
        usable: row.usable,
        partial: row.partial,
        unique: row.unique,
        leaky: [],
        definition: undefined,
      },
    ]);
    // Of those that are known already more is known.
    const known = table.indexes.map((index): [number, IndexFacts] => [index.oid, index]);
    return { ...table, indexes: [...new Map([...own, ...known]).values()] };
  });
}
