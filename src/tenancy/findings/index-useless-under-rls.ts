import { quoteIdentifier } from '../../postgres/quote.ts';
import { hasPrivilege, isBound, securedTables } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { IndexFacts, RlsFacts, TableFacts } from '../facts.ts';
import { displayName, displayPath, listNames } from '../names.ts';
import { sqlName } from '../proposal.ts';
import { endOfParentheses, splitList } from '../sql-tokens.ts';

/**
 * A condition is looked at before the policy only if all its functions are LEAKPROOF (PostgreSQL docs 41.5); so below a
 * policy an index that serves others is never used.
 */
export const check: TenancyCheck = {
  title: 'every index can be used below the policies of its table',
  judge: (facts) => ({
    findings: securedTables(facts)
      .filter((table) => table.tenantColumn !== undefined && !table.isPartition && hasBoundReaders(facts, table))
      .flatMap((table) =>
        table.indexes
          .filter((index) => index.usable && index.leaky.length > 0 && !isServed(table, index))
          .map((index) => notice(table, index)),
      ),
  }),
};

function hasBoundReaders(facts: RlsFacts, table: TableFacts): boolean {
  return facts.subjects.some((role) => isBound(role, table) && hasPrivilege(role, table, 'SELECT'));
}

/** Another index finds the tenant's rows first, and among them what this one looks for. */
function isServed(table: TableFacts, { definition }: IndexFacts): boolean {
  const wanted = keysBesideTenant(table, definition).join();
  return table.indexes.some(
    ({ usable, partial, columns, definition: other }) =>
      usable &&
      !partial &&
      columns[0] === table.tenantColumn!.number &&
      keysBesideTenant(table, other).join().startsWith(wanted),
  );
}

/** The keys of an index but the tenant's column: `lower(email)`. */
function keysBesideTenant({ tenantColumn }: TableFacts, definition: string | undefined): string[] {
  if (definition === undefined) return [];
  const open = definition.indexOf('(');
  const keys = splitList(definition.slice(open + 1, endOfParentheses(definition, open) - 1));
  return keys.filter((key) => key !== displayName(tenantColumn!.name));
}

function notice(table: TableFacts, index: IndexFacts): Noticed {
  return {
    severity: index.unique ? 'info' : 'warning',
    object: displayPath({ schema: index.schema, name: index.name }),
    message: `no role that RLS binds can search ${displayPath(table)} by this index: ${listNames(index.leaky)} is not LEAKPROOF`,
    fix: mend(table, index),
    details: { table: displayPath(table), leaky: index.leaky },
  };
}

/** The tenant first, which is LEAKPROOF; a key that is unique over all tenants has to stay beside it. */
function mend(table: TableFacts, index: IndexFacts): string {
  const drop = `drop index ${quoteIdentifier(index.schema)}.${quoteIdentifier(index.name)};`;
  if (index.method !== 'btree' || index.definition === undefined) return drop;
  const keys = keysBesideTenant(table, index.definition).join(', ');
  const holdsTenant = index.columns.includes(table.tenantColumn!.number);
  const unique = index.unique && holdsTenant ? 'unique ' : '';
  const create = `create ${unique}index on ${sqlName(table)} (${quoteIdentifier(table.tenantColumn!.name)}, ${keys});`;
  return index.unique && !holdsTenant ? create : `${create}\n${drop}`;
}
