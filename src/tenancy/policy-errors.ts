import { hasPrivilege, reachesSchema } from './access.ts';
import { expressionsOf } from './answers.ts';
import type { TableFacts } from './facts.ts';
import { COMMANDS, type Command, type ContextName, type PolicyFacts, type RlsFacts, type RoleFacts } from './facts.ts';
import { isFailure } from './truths.ts';

/** How a policy fails where a session names no tenant, or its own. */
export interface PolicyError {
  /** The server's message. */
  readonly error: string;
  /** A privilege is missing. */
  readonly isDenied: boolean;
  /** Whose statements fail. */
  readonly roles: readonly RoleFacts[];
  /** Whose do not, among those who use the table. */
  readonly spared: readonly RoleFacts[];
}

/** SQLSTATE of insufficient_privilege (PostgreSQL docs, appendix A). */
const DENIED = '42501';

/**
 * Errors of a policy by context, as those meet them who may use the table: what a policy for everybody says to a role
 * that was granted nothing is never heard. Of a table that nobody was granted every role counts.
 */
export function policyErrors(
  facts: RlsFacts,
  table: TableFacts,
  policy: PolicyFacts,
): ReadonlyMap<ContextName, PolicyError> {
  const evaluations = [policy.using, policy.check].flatMap(
    (key) => expressionsOf(facts, table).get(key ?? '')?.evaluations ?? [],
  );
  const asked = [...new Set(evaluations.map(({ role }) => role))].flatMap((oid) => facts.roles.get(oid) ?? []);
  const users = asked.filter((role) => reachesPolicy(facts, table, policy, role));
  const counted = users.length === 0 ? asked : users;
  const found = new Map<ContextName, PolicyError>();
  for (const { context } of evaluations) {
    if (found.has(context)) continue;
    const failures = evaluations.flatMap(({ context: at, role, truths }) => {
      const error = truths.find(isFailure);
      const who = counted.find(({ oid }) => oid === role);
      return at === context && who !== undefined && error !== undefined ? [{ who, error }] : [];
    });
    const [first] = failures;
    if (first === undefined) continue;
    const roles = counted.filter((role) => failures.some(({ who }) => who === role));
    found.set(context, {
      error: first.error.error,
      isDenied: first.error.sqlState === DENIED,
      roles,
      spared: counted.filter((role) => !roles.includes(role)),
    });
  }
  return found;
}

/** Commands before which a policy stands: rows that are changed or removed are seen first. */
export function commandsOf({ command }: PolicyFacts): readonly Command[] {
  if (command === 'ALL') return COMMANDS;
  return command === 'SELECT' ? ['SELECT', 'UPDATE', 'DELETE'] : [command];
}

function reachesPolicy(facts: RlsFacts, table: TableFacts, policy: PolicyFacts, role: RoleFacts): boolean {
  return (
    reachesSchema(facts, role, table.schema) && commandsOf(policy).some((command) => hasPrivilege(role, table, command))
  );
}
