import { clientsWith, inOrder } from '../access.ts';
import { isOpenTo } from '../answers.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import type { RlsFacts, RoleFacts, TableFacts, ViewFacts } from '../facts.ts';
import { displayPath, listNamed, listNames } from '../names.ts';
import { revoke } from '../proposal.ts';
import { tablesBehind } from '../views.ts';

export const check: TenancyCheck = {
  title: "no materialized view of tenants' rows is open to clients",
  judge: (facts) => ({
    findings: inOrder([...facts.views.values()])
      .filter(({ inScope, kind }) => inScope && kind === 'materialized')
      .flatMap((view) => notice(facts, view)),
  }),
};

/** A copy of what all who may read it may see anyway, such as a list of countries, is nobody's. */
function notice(facts: RlsFacts, view: ViewFacts): Noticed[] {
  const readers = clientsWith(facts, view, ['SELECT']);
  if (readers.length === 0) return [];
  const isClosed = (table: TableFacts, role: RoleFacts) => !isOpenTo(facts, table, role, 'SELECT');
  const behind = tablesBehind(facts, view).map(({ table }) => table);
  const tables = behind.filter((table) => readers.some((role) => isClosed(table, role)));
  if (tables.length === 0) return [];
  const roles = readers.filter((role) => tables.some((table) => isClosed(table, role)));
  return [
    {
      severity: 'critical',
      object: displayPath(view),
      message: `the materialized view holds rows of ${listNames([...new Set(tables.map(displayPath))])} for every tenant and can have no policy; ${listNamed(roles)} may read it`,
      fix: revoke(facts, view, roles, 'all'),
    },
  ];
}
