import { bypasses, securedTables } from '../access.ts';
import type { TenancyCheck } from '../check.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import { displayPath, listNames } from '../names.ts';
import { sqlName } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every table with RLS forces it on its owner',
  judge: (facts) => ({
    findings: securedTables(facts)
      .filter(({ rlsForced }) => !rlsForced)
      .map((table) => ({
        ...weigh(facts, table),
        object: displayPath(table),
        fix: `alter table ${sqlName(table)} force row level security;`,
      })),
  }),
};

function weigh(facts: RlsFacts, table: TableFacts): { severity: 'info' | 'warning' | 'critical'; message: string } {
  const owner = facts.roles.get(table.owner);
  const name = owner?.name ?? 'its owner';
  const clients = facts.clients.filter((role) => !bypasses(role) && role.inherits.has(table.owner));
  if (clients.length > 0)
    return {
      severity: 'critical',
      message: `RLS is not forced, and ${listNames(clients.map((role) => role.name))} ${clients.length > 1 ? 'have' : 'has'} the rights of its owner ${name}: policies do not apply`,
    };
  if (owner !== undefined && bypasses(owner))
    return { severity: 'info', message: `RLS is not forced; it would not bind ${name} either, who bypasses RLS` };
  // Closed to everybody else, and nobody's rows: what its owner alone may use is his.
  if (table.tenantColumn === undefined && table.lineage === undefined && table.policies.length === 0)
    return { severity: 'info', message: `RLS is not forced: ${name}, who owns the table, sees every row of it` };
  return {
    severity: 'warning',
    message: `RLS is not forced: ${name}, who owns the table, sees the rows of every tenant`,
  };
}
