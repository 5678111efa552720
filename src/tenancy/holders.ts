import { audience, GATES, NAMED, type Opening, openingsAt, undecidedBecause } from './answers.ts';
import { CONTEXTS, type ColumnFacts, type RlsFacts, type TableFacts } from './facts.ts';
import { holdsTenantsOnce } from './lineage.ts';
import { isUserColumn, isUserSetting } from './membership.ts';

/** More columns of a table are not tried. */
const MOST_COLUMNS = 4;

/**
 * Whose rows a table holds nobody may have said: the column is called otherwise than configured, and no key leads from
 * it to the tenants, or it is the key of a table of tenants that nothing refers to. The policies say it: each column that
 * they compare may be the one.
 * @param columnsOf columns that the policies of a table read
 * @returns the table as it is if a column holds the tenant, once for each that may
 */
export function possibleHolders(
  tables: readonly TableFacts[],
  columnsOf: (oid: number) => readonly ColumnFacts[],
): TableFacts[] {
  return tables.filter(saysNotWhose).flatMap((table) =>
    columnsOf(table.oid)
      .filter(mayHoldTenant)
      .sort((a, b) => Number(b.notNull) - Number(a.notNull))
      .slice(0, MOST_COLUMNS)
      .map((column) => withHolder(table, column)),
  );
}

export function saysNotWhose({ tenantColumn, lineage, policyClass }: TableFacts): boolean {
  return tenantColumn === undefined && lineage === undefined && policyClass !== undefined;
}

function mayHoldTenant({ name, type, category }: ColumnFacts): boolean {
  return (type === 'uuid' || category === 'N' || category === 'S' || category === 'X') && !isUserColumn(name);
}

/** The table with a tenant's column that the catalog does not tell, and a class of policies that is told by it. */
export function withHolder(table: TableFacts, tenantColumn: ColumnFacts): TableFacts {
  const policyClass = `${tenantColumn.number}|${tenantColumn.type}|${table.policyClass}`;
  return { ...table, tenantColumn, policyClass };
}

/**
 * The tables in which one column holds the tenant: a session that names a tenant is shown the rows in which that column
 * holds it, and nobody is shown another tenant's. Of two columns that each open a row, as those of a sender and a
 * receiver do, neither is.
 * @param facts with the classes of those tables as they may be
 * @param settingsOf settings that carried the tenant for a class
 */
export function chooseHolders(
  facts: RlsFacts,
  possible: readonly TableFacts[],
  settingsOf: (policyClass: string) => readonly string[],
): TableFacts[] {
  const chosen = new Map<number, TableFacts>();
  for (const table of possible)
    if (!chosen.has(table.oid) && isToldApart(facts, table) && !settingsOf(table.policyClass!).every(isUserSetting))
      chosen.set(table.oid, table);
  return [...chosen.values()];
}

const [SHOWN] = GATES;

/** By what is shown: a policy for writing that lets more through is one that has to be mended. */
function isToldApart(facts: RlsFacts, table: TableFacts): boolean {
  if (undecidedBecause(facts, table) !== undefined) return false;
  const shown = audience(facts, table).flatMap((role) =>
    CONTEXTS.flatMap((context) => openingsAt(facts, table, table.policies, { gate: SHOWN, role, context })),
  );
  const counted = shown.filter(({ row }) => row.assumes === undefined && !row.isPersonal);
  const isOwn = ({ row, context }: Opening) => row.owner === 'own' && NAMED.includes(context);
  // A condition that confuses identifiers that are alike compares this column all the same.
  return counted.some(isOwn) && counted.every((one) => isOwn(one) || one.row.owner === 'none' || one.row.isNear);
}

/** Names by which other tables may be told as well; a key of its own is the key of a table of tenants. */
export function namesOf(holders: readonly TableFacts[]): string[] {
  const names = holders.filter((table) => !holdsTenantsOnce(table)).map(({ tenantColumn }) => tenantColumn!.name);
  return [...new Set(names)].sort();
}
