import { clientsWith, inOrder } from '../access.ts';
import { isOpenTo } from '../answers.ts';
import type { Noticed, TenancyCheck } from '../check.ts';
import { COMMANDS, type Command, type RlsFacts, type RoleFacts, type ViewFacts } from '../facts.ts';
import { displayName, displayPath, listNamed, listNames } from '../names.ts';
import { revoke, sqlName } from '../proposal.ts';
import { type TableBehind, tablesBehind } from '../views.ts';

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

/** What some clients may do through a view with rows that are not all theirs to treat so. */
interface Passage {
  readonly command: Command;
  readonly roles: readonly RoleFacts[];
  readonly tables: readonly TableBehind[];
}

function notice(facts: RlsFacts, view: ViewFacts): Noticed[] {
  const behind = tablesBehind(facts, view).filter(({ table }) => table.rlsEnabled);
  const passages = behind.length === 0 ? [] : COMMANDS.flatMap((command) => passage(facts, view, behind, command));
  if (passages.length === 0) return [];
  const shows = passages[0]!.command === 'SELECT';
  const counted = shows ? passages.slice(0, 1) : passages;
  const reached = counted.flatMap(({ tables }) => tables);
  const open = reached.filter(({ isBound }) => !isBound);
  const tables = listNames([...new Set((open.length > 0 ? open : reached).map(({ table }) => displayPath(table)))]);
  const owner = displayName(facts.roles.get(view.owner)!.name);
  const roles = [...new Set(counted.flatMap((one) => one.roles))];
  const names = listNamed(roles);
  const canInvoke = facts.serverVersion >= SECURITY_INVOKER;
  const commands = counted.map(({ command }) => command);
  const about = {
    object: displayPath(view),
    fix: canInvoke
      ? `alter view ${sqlName(view)} set (security_invoker = true);`
      : revoke(facts, view, roles, shows ? 'all' : commands),
  };
  if (open.length > 0) {
    const message = shows
      ? `the view shows ${names} every row of ${tables}: it reads them as ${owner}, whom RLS does not bind`
      : `what can be written through the view is written as ${owner}, whom RLS does not bind: ${names} may ${listNames(commands)} rows of ${tables} that no policy lets them`;
    return [{ ...about, severity: 'critical', message }];
  }
  return [
    {
      ...about,
      severity: canInvoke ? 'warning' : 'info',
      message: `the view ${shows ? 'reads' : 'writes to'} ${tables} as ${owner}: what binds ${names} today is that RLS is forced on ${owner}`,
    },
  ];
}

/** A table of which whoever uses the view may do the same with every row anyway is led around by nobody. */
function passage(facts: RlsFacts, view: ViewFacts, behind: readonly TableBehind[], command: Command): Passage[] {
  const clients = clientsWith(facts, view, [command]);
  const isClosed = ({ table }: TableBehind, role: RoleFacts) => !isOpenTo(facts, table, role, command);
  const roles = clients.filter((role) => behind.some((one) => isClosed(one, role)));
  const tables = behind.filter((one) => clients.some((role) => isClosed(one, role)));
  return tables.length === 0 ? [] : [{ command, roles, tables }];
}
