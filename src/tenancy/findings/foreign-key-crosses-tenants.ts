import { quoteIdentifier } from '../../postgres/quote.ts';
import { tablesInScope } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { ForeignKeyFacts, RlsFacts, TableFacts } from '../facts.ts';
import { displayName, displayPath } from '../names.ts';
import { sqlColumns, sqlName } from '../proposal.ts';

/** The server checks foreign keys past every policy (PostgreSQL docs 5.9), so a row may refer to another tenant's. */
export const check: TenancyCheck = {
  title: 'foreign keys between tables of tenants hold the tenant',
  judge: (facts) => ({
    findings: tablesInScope(facts)
      .filter(({ tenantColumn, isRegistry }) => tenantColumn !== undefined && !isRegistry)
      .flatMap((table) => table.foreignKeys.flatMap((key) => notice(facts, table, key))),
  }),
};

function notice(facts: RlsFacts, table: TableFacts, key: ForeignKeyFacts): Noticed[] {
  const target = facts.tables.get(key.target);
  if (target?.tenantColumn === undefined || target.isRegistry) return [];
  if (holdsTenant(table, target, key) || isHeldByAnother(table, target, key)) return [];
  return [
    {
      severity: table.checksRows ? 'info' : 'warning',
      object: displayPath(table),
      part: key.name,
      message: `foreign key ${displayName(key.name)} does not hold ${displayName(table.tenantColumn!.name)}: a row may refer to a row of ${displayPath(target)} that is another tenant's${table.checksRows ? ', unless a trigger of the table sees to it' : ''}`,
      ...mend(facts, table, target, key),
      advice: 'Let the key hold the tenant: unique (tenant_id, id) on the target, foreign key (tenant_id, ...) here.',
      details: { foreignKey: key.name },
    },
  ];
}

function holdsTenant(table: TableFacts, target: TableFacts, key: ForeignKeyFacts): boolean {
  const place = key.columns.indexOf(table.tenantColumn!.number);
  return place !== -1 && key.targetColumns[place] === target.tenantColumn!.number;
}

/** Another key holds the same columns and the tenant as well: a row that passes it refers to its own tenant's. */
function isHeldByAnother(table: TableFacts, target: TableFacts, key: ForeignKeyFacts): boolean {
  return (
    table.tenantColumn!.notNull &&
    table.foreignKeys.some(
      (other) =>
        other.target === key.target &&
        holdsTenant(table, target, other) &&
        key.columns.every((column, at) => other.targetColumns[other.columns.indexOf(column)] === key.targetColumns[at]),
    )
  );
}

/** Since 15 SET NULL may name its columns: the tenant itself is not to be forgotten. */
const SET_NULL_COLUMNS = 150_000;

function mend(
  facts: RlsFacts,
  table: TableFacts,
  target: TableFacts,
  key: ForeignKeyFacts,
): Pick<Noticed, 'groundwork' | 'fix'> {
  const own = table.tenantColumn!.name;
  const theirs = target.tenantColumn!.name;
  if (/set (null|default)/.test(key.actions) && facts.serverVersion < SET_NULL_COLUMNS) return {};
  const columns = sqlColumns(key.columnNames);
  const actions = key.actions.replace(/on delete set (null|default)/, (action) => `${action} (${columns})`);
  if (/on update set/.test(actions)) return {};
  const name = quoteIdentifier(`${key.name.slice(0, 56)}_tenant`);
  const targetColumns = sqlColumns([theirs, ...key.targetColumnNames]);
  const unique = `alter table ${sqlName(target)} add unique (${targetColumns});`;
  return {
    groundwork: isUnique(target, key) ? undefined : unique,
    fix: [
      `alter table ${sqlName(table)} drop constraint ${quoteIdentifier(key.name)},`,
      `  add constraint ${name} foreign key (${sqlColumns([own, ...key.columnNames])}) references ${sqlName(target)} (${targetColumns})${actions};`,
    ].join('\n'),
  };
}

/** A key may refer to the tenant and the target's columns already. */
function isUnique({ indexes, tenantColumn }: TableFacts, { targetColumns }: ForeignKeyFacts): boolean {
  const wanted = [...new Set([tenantColumn!.number, ...targetColumns])].sort().join();
  return indexes.some(
    ({ unique, usable, partial, columns }) => unique && usable && !partial && columns.toSorted().join() === wanted,
  );
}
