import { clientsWith, tablesInScope } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { COMMANDS, type RlsFacts, type TableFacts } from '../facts.ts';
import { displayPath, listNamed } from '../names.ts';
import { createPolicy, revoke, sqlName } from '../proposal.ts';

export const check: TenancyCheck = {
  title: 'every table has RLS enabled',
  judge: (facts) => ({
    findings: tablesInScope(facts)
      .filter(({ kind, rlsEnabled }) => kind !== 'foreign' && !rlsEnabled)
      .map((table) => notice(facts, table)),
  }),
};

function notice(facts: RlsFacts, table: TableFacts): Noticed {
  const clients = clientsWith(facts, table, COMMANDS);
  const reach = clients.length === 0 ? '' : `: ${listNamed(clients)} may use every row of it`;
  const idle = table.policies.length === 0 ? '' : `; its policies (${table.policies.length}) are not applied`;
  const partition = table.isPartition ? '; the policies of its parent are not applied to queries that name it' : '';
  return {
    severity: clients.length > 0 || table.tenantColumn !== undefined ? 'critical' : 'warning',
    object: displayPath(table),
    message: `RLS is not enabled${reach}${idle}${partition}`,
    fix: secure(facts, table),
  };
}

/**
 * The policy first: enabled without one, RLS would close the table to everybody. Where none can be made that is what
 * happens, and a grant that shows no row any more is taken away as well: an error is better than an empty answer.
 */
function secure(facts: RlsFacts, table: TableFacts): string {
  const alter = (action: string) => `alter table ${sqlName(table)} ${action} row level security;`;
  const isOpen = table.policies.some(({ permissive }) => permissive);
  const policy = isOpen ? undefined : createPolicy(facts, table);
  const force = table.rlsForced || table.tenantColumn === undefined ? [] : [alter('force')];
  const idle = isOpen || policy !== undefined ? [] : clientsWith(facts, table, COMMANDS);
  const close = idle.length === 0 ? [] : [revoke(facts, table, idle, 'all')];
  return [...(policy === undefined ? [] : [policy]), alter('enable'), ...force, ...close].join('\n');
}
