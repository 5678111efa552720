import { clientsWith, securedTables } from '../access.ts';
import { classOf, openingsOfTable } from '../answers.ts';
import type { TenancyCheck } from '../check.ts';
import { COMMANDS, type RlsFacts, type TableFacts } from '../facts.ts';
import { displayPath, listNamed } from '../names.ts';
import { revoke } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every table that the API serves says whose its rows are',
  judge: (facts) => ({
    findings: securedTables(facts)
      .filter(({ tenantColumn }) => tenantColumn === undefined)
      .filter((table) => opensRows(facts, table) && !looksUpTenant(facts, table))
      .flatMap((table) => {
        const roles = clientsWith(facts, table, COMMANDS);
        if (roles.length === 0) return [];
        return {
          severity: 'warning' as const,
          object: displayPath(table),
          message: `${listNamed(roles)} may use it, and no column says whose a row is`,
          fix: revoke(facts, table, roles, 'all'),
          advice: "Add the column, or declare an exception with the reason why its rows are everybody's.",
        };
      }),
  }),
};

/**
 * A table whose policies let no tenant at any row is closed, whatever is granted on it. One that only opens rows in
 * which some column holds the tenant of the session, or its user, says whose they are after all.
 */
function opensRows(facts: RlsFacts, table: TableFacts): boolean {
  const { own, unknown } = classOf(facts, table)?.tenants ?? {};
  return openingsOfTable(facts, table).ownerless.some(({ context, row }) => {
    const tenant = context === 'unknown' ? unknown : own;
    return !Object.values(row.values).includes(tenant);
  });
}

/** Rows may belong to a tenant through another row: that of a message through its conversation. */
function looksUpTenant(facts: RlsFacts, { policies }: TableFacts): boolean {
  return policies.some(({ relations }) => relations.some((oid) => facts.tables.get(oid)?.tenantColumn !== undefined));
}
