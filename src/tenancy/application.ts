import { isBound } from './access.ts';
import type { Judgement, Noticed } from './check.ts';
import type { RlsFacts, RoleFacts, TableFacts } from './facts.ts';
import type { NamedCheck } from './load-checks.ts';
import { displayPath, listNames } from './names.ts';

/** The application's own login, and what the server says of it. */
export interface ApplicationFacts {
  readonly role: string;
  /** OIDs of tables with RLS for which the server says that it is not evaluated: `row_security_active`. */
  readonly bypassed: readonly number[];
}

/** Whether RLS is evaluated for the application at all; no policy helps against a login that it does not bind. */
export function applicationCheck({ role: name, bypassed }: ApplicationFacts): NamedCheck {
  return {
    id: 'application-role',
    title: 'RLS is evaluated for the application',
    judge: (facts) => {
      const role = [...facts.roles.values()].find((one) => one.name === name);
      if (role === undefined) return { findings: [], unknown: [`the catalog does not show the role ${name}`] };
      return judgeRole(facts, role, new Set(bypassed));
    },
  };
}

const ADVICE =
  'Let the application log in as a role that owns nothing and has neither SUPERUSER nor BYPASSRLS, and that is granted the role its requests run as.';

function judgeRole(facts: RlsFacts, role: RoleFacts, bypassed: ReadonlySet<number>): Judgement {
  const owned = [...facts.tables.values()].filter((table) => table.inScope && role.inherits.has(table.owner));
  const open = [...facts.tables.values()].filter(({ oid }) => bypassed.has(oid));
  const reason = whyNotEvaluated(role, owned, open);
  if (reason !== undefined) {
    const message = `RLS is not evaluated for your application: it logs in as ${role.name}, which ${reason}`;
    return { findings: [{ severity: 'critical', object: role.name, message, advice: ADVICE }] };
  }
  return { findings: [...ownership(role, owned), ...reach(facts, role)] };
}

function whyNotEvaluated(
  { superuser, bypassRls }: RoleFacts,
  owned: readonly TableFacts[],
  open: readonly TableFacts[],
): string | undefined {
  if (superuser) return 'is a superuser';
  if (bypassRls) return 'has BYPASSRLS';
  if (open.length === 0) return undefined;
  const names = listNames(open.map(displayPath));
  return open.every((table) => owned.includes(table))
    ? `owns ${names}, where RLS is not forced`
    : `is not bound on ${names}`;
}

function ownership({ name }: RoleFacts, owned: readonly TableFacts[]): Noticed[] {
  if (owned.length === 0) return [];
  const message = `the application logs in as ${name}, which owns ${listNames(owned.map(displayPath))}: RLS binds it because it is forced, and whoever owns a table may switch that off`;
  return [{ severity: 'warning', object: name, message, advice: ADVICE }];
}

/** A pooler of an API becomes other roles on purpose; it is worth knowing that one of them is bound by nothing. */
function reach(facts: RlsFacts, role: RoleFacts): Noticed[] {
  const free = [...facts.roles.values()].filter(
    (other) =>
      other !== role &&
      role.canBecome.has(other.oid) &&
      !isBound(other, { rlsEnabled: true, rlsForced: true, owner: 0 }),
  );
  if (free.length === 0) return [];
  const message = `the application logs in as ${role.name}, which may become ${listNames(free.map(({ name }) => name))}, for whom RLS is not evaluated`;
  return [{ severity: 'info', object: role.name, message }];
}
