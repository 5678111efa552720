import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { columnFacts } from '../assemble.ts';
import type { ForeignKeyFacts, Lineage, TableFacts } from '../facts.ts';
import { lineageOf } from '../lineage.ts';
import type { Tenants } from '../samples.ts';
import { readSomeColumns } from './relations.ts';

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
    found.map(({ table, keys }) => ({ relation: table.oid, number: keys[0]!.columns[0]! })),
  );
  return new Map(
    found.flatMap(({ table, keys, end }) => {
      const row = columns.find(({ relation }) => relation === table.oid);
      if (row === undefined) return [];
      return [[table.oid, { column: columnFacts(row), keys, tenantColumn: end.tenantColumn! }]];
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
  { keys }: Lineage,
  { own, other }: Tenants,
  roles: readonly string[],
): Promise<Pick<Tenants, 'own' | 'other'> | undefined> {
  for (const role of [undefined, ...roles]) {
    const found: string[] = [];
    for (const tenant of [own, other]) {
      const key = await readOne(session, ownerSql(tables, keys, tenant), role);
      if (key !== undefined) found.push(key);
    }
    if (found.length === 2) return { own: found[0]!, other: found[1]! };
  }
  return undefined;
}

/** `select p0.id::text as key from projects p0 join teams p1 on p1.id = p0.team_id where p1.tenant_id::text = '…' limit 1` */
function ownerSql(tables: ReadonlyMap<number, TableFacts>, keys: readonly ForeignKeyFacts[], tenant: string): string {
  const name = ({ target }: ForeignKeyFacts) => {
    const { schema, name: relation } = tables.get(target)!;
    return quoteQualified(schema, relation);
  };
  const [first, ...rest] = keys as readonly [ForeignKeyFacts, ...ForeignKeyFacts[]];
  const joins = rest.map((key, at) => {
    const [column] = key.columnNames.map(quoteIdentifier);
    const [target] = key.targetColumnNames.map(quoteIdentifier);
    return `join ${name(key)} p${at + 1} on p${at + 1}.${target} = p${at}.${column}`;
  });
  const end = tables.get(keys.at(-1)!.target)!.tenantColumn!;
  const column = `p${rest.length}.${quoteIdentifier(end.name)}`;
  return `select p0.${quoteIdentifier(first.targetColumnNames[0]!)}::text as key from ${name(first)} p0 ${joins.join(' ')} where ${column} = ${quoteLiteral(tenant)}::${end.type} limit 1`;
}

async function readOne(session: Session, sql: string, role: string | undefined): Promise<string | undefined> {
  try {
    await session.query('begin transaction read only');
    await session.query("set local lock_timeout = '250ms'; set local statement_timeout = '2s'");
    if (role !== undefined) await session.query("select set_config('role', $1, true)", [role]);
    return (await session.query<{ key: string }>(sql))[0]?.key;
  } catch (error) {
    // It may not be read, or somebody has locked it: then nothing is known of the rows that there are.
    if (!session.inTransaction) throw error;
    return undefined;
  } finally {
    await session.undo();
  }
}
