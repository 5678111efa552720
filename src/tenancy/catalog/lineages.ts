import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { columnFacts } from '../assemble.ts';
import type { ForeignKeyFacts, Lineage, TableFacts } from '../facts.ts';
import { withHolder } from '../holders.ts';
import { lineageOf, namedOtherwise, tellingColumn } from '../lineage.ts';
import type { Tenants } from '../samples.ts';
import { withIndexes } from './holders.ts';
import { readSomeColumns } from './relations.ts';

/** Tables that have the tenant's column under another name are tables of tenants like others. */
export async function withTenantColumnsNamedOtherwise(
  session: Session,
  tables: ReadonlyMap<number, TableFacts>,
  isLookedAt: (table: TableFacts) => boolean,
): Promise<ReadonlyMap<number, TableFacts>> {
  const found = [...tables.values()].flatMap((table) => {
    if (table.tenantColumn !== undefined || !isLookedAt(table)) return [];
    const column = namedOtherwise(tables, table);
    return column === undefined ? [] : [{ relation: table.oid, number: column.number }];
  });
  if (found.length === 0) return tables;
  const columns = await readSomeColumns(session, found);
  const named = await withIndexes(
    session,
    columns.map((row) => withHolder(tables.get(row.relation)!, columnFacts(row))),
  );
  // Those tables may in turn be what others refer to.
  return withTenantColumnsNamedOtherwise(
    session,
    new Map([...tables, ...named.map((table) => [table.oid, table] as const)]),
    isLookedAt,
  );
}

/** Tables without a tenant's column whose rows belong to the tenant of the row that they refer to. */
export async function readLineages(
  session: Session,
  tables: ReadonlyMap<number, TableFacts>,
  among: readonly TableFacts[],
): Promise<ReadonlyMap<number, Lineage>> {
  const found = among
    .filter(({ tenantColumn, policies }) => tenantColumn === undefined && policies.some(({ looksUp }) => looksUp))
    .flatMap((table) => {
      const lineage = lineageOf(tables, table);
      return lineage === undefined ? [] : [{ table, ...lineage }];
    });
  if (found.length === 0) return new Map();
  const columns = await readSomeColumns(
    session,
    found.flatMap(({ table, keys }) => keys[0]!.columns.map((number) => ({ relation: table.oid, number }))),
  );
  return new Map(
    found.flatMap(({ table, keys, end }) => {
      const ofKey = keys[0]!.columns.map((number) =>
        columns.find((column) => column.relation === table.oid && column.number === number),
      );
      const all = ofKey.flatMap((row) => (row === undefined ? [] : [columnFacts(row)]));
      const column = tellingColumn(all);
      if (column === undefined) return [];
      return [[table.oid, { column, columns: all, keys, tenantColumn: end.tenantColumn! }]];
    }),
  );
}

/**
 * Keys of rows of two tenants that a table may refer to, to make rows up with.
 * @param roles that see every row and that the reader may become
 * @returns `undefined` where one of them has no such row, or none that may be read
 */
export async function readOwners(
  session: Session,
  tables: ReadonlyMap<number, TableFacts>,
  lineage: Lineage,
  { own, other }: Tenants,
  roles: readonly string[],
): Promise<Pick<Tenants, 'own' | 'other' | 'companions'> | undefined> {
  const [key] = lineage.keys as readonly [ForeignKeyFacts];
  const at = key.columns.indexOf(lineage.column.number);
  for (const role of [undefined, ...roles]) {
    const first = await readOne(session, ownerSql(tables, lineage, own), role);
    const second = first && (await readOne(session, ownerSql(tables, lineage, other, first[at]), role));
    if (first === undefined || second === undefined) continue;
    const companions = key.columnNames
      .map((column, place) => [column, first[place]!, second[place]!] as const)
      .filter((_, place) => place !== at);
    return { own: first[at]!, other: second[at]!, ...(companions.length > 0 && { companions }) };
  }
  return undefined;
}

/** `select array[p0.id::text] as key from projects p0 join teams p1 on p1.id = p0.team_id where p1.tenant_id::text = '…' limit 1` */
function ownerSql(
  tables: ReadonlyMap<number, TableFacts>,
  { keys, column: { number } }: Lineage,
  tenant: string,
  but?: string,
): string {
  const name = ({ target }: ForeignKeyFacts) => {
    const { schema, name: relation } = tables.get(target)!;
    return quoteQualified(schema, relation);
  };
  const [first, ...rest] = keys as readonly [ForeignKeyFacts, ...ForeignKeyFacts[]];
  const joins = rest.map((key, at) => {
    const pairs = key.columnNames.map((column, place) => {
      const target = quoteIdentifier(key.targetColumnNames[place]!);
      return `p${at + 1}.${target} = p${at}.${quoteIdentifier(column)}`;
    });
    return `join ${name(key)} p${at + 1} on ${pairs.join(' and ')}`;
  });
  const end = tables.get(keys.at(-1)!.target)!.tenantColumn!;
  const texts = first.targetColumnNames.map((column) => `p0.${quoteIdentifier(column)}::text`);
  const isTenants = `p${rest.length}.${quoteIdentifier(end.name)} = ${quoteLiteral(tenant)}::${end.type}`;
  const differs = but === undefined ? '' : ` and ${texts[first.columns.indexOf(number)]} <> ${quoteLiteral(but)}`;
  return `select array[${texts.join(', ')}] as key from ${name(first)} p0 ${joins.join(' ')} where ${isTenants}${differs} limit 1`;
}

async function readOne(
  session: Session,
  sql: string,
  role: string | undefined,
): Promise<readonly string[] | undefined> {
  try {
    await session.query('begin transaction read only');
    await session.query("set local lock_timeout = '250ms'; set local statement_timeout = '2s'");
    if (role !== undefined) await session.query("select set_config('role', $1, true)", [role]);
    return (await session.query<{ key: readonly string[] }>(sql))[0]?.key;
  } catch (error) {
    // It may not be read, or somebody has locked it: then nothing is known of the rows that there are.
    if (!session.inTransaction) throw error;
    return undefined;
  } finally {
    await session.undo();
  }
}
