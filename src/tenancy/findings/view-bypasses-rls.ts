import { clientsWith, inOrder } from '../access.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { COMMANDS, type RlsFacts, type ViewFacts } from '../facts.ts';
import { displayPath, listNames } from '../names.ts';
import { revoke, sqlName } from '../proposal.ts';
import { tablesBehind } from '../views.ts';

/** Since 15 a view may look at its tables as whoever queries it. */
const SECURITY_INVOKER = 150_000;

export const check: TenancyCheck = {
  title: 'views show what their users may see themselves',
  judge: (facts) => ({
    findings: inOrder([...facts.views.values()])
      .filter(({ inScope, kind, securityInvoker }) => inScope && kind === 'view' && !securityInvoker)
      .flatMap((view) => notice(facts, view)),
  }),
};

function notice(facts: RlsFacts, view: ViewFacts): Noticed[] {
  const roles = clientsWith(facts, view, COMMANDS);
  const behind = tablesBehind(facts, view).filter(({ table }) => table.rlsEnabled);
  if (roles.length === 0 || behind.length === 0) return [];
  const open = behind.filter(({ isBound }) => !isBound);
  const tables = listNames([...new Set((open.length > 0 ? open : behind).map(({ table }) => displayPath(table)))]);
  const owner = facts.roles.get(view.owner)?.name ?? 'its owner';
  const names = listNames(roles.map(({ name }) => name));
  const canInvoke = facts.serverVersion >= SECURITY_INVOKER;
  const fix = canInvoke
    ? `alter view ${sqlName(view)} set (security_invoker = true);`
    : revoke(facts, view, roles, 'all');
  if (open.length > 0)
    return [
      {
        severity: 'critical',
        object: displayPath(view),
        message: `the view shows ${names} every row of ${tables}: it reads them as ${owner}, whom RLS does not bind`,
        fix,
      },
    ];
  return [
    {
      severity: canInvoke ? 'warning' : 'info',
      object: displayPath(view),
      message: `the view reads ${tables} as ${owner}: what binds ${names} today is that RLS is forced on ${owner}`,
      fix,
    },
  ];
}
