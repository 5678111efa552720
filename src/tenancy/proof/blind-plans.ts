import type { Session } from '../../postgres/session.ts';
import { appliesTo, hasPrivilege, isBound, reachesSchema } from '../access.ts';
import { type AskLimits, ask, type Question } from '../ask.ts';
import { settingsOf } from '../contexts.ts';
import type { RlsFacts, RoleFacts, TableFacts } from '../facts.ts';
import { sqlColumns, sqlName } from '../proposal.ts';
import type { TenancySettings } from '../settings.ts';
import { isConditional } from './plan-conditions.ts';

/** What the server would do for a statement without WHERE, which no SELECT policy narrows. */
export interface BlindPlan {
  readonly table: TableFacts;
  readonly role: RoleFacts;
  readonly statement: string;
  /** The policies put a condition on every row; or why there is no plan. */
  readonly isConditional: boolean | { readonly error: string; readonly sqlState: string };
}

/**
 * Has SELECT, UPDATE and DELETE planned as each role that is bound, with the server's own policies in force, and runs
 * none: EXPLAIN without ANALYZE in a read-only transaction touches no row.
 */
export async function readBlindPlans(
  session: Session,
  facts: RlsFacts,
  tables: readonly TableFacts[],
  settings: TenancySettings,
  limits: AskLimits,
): Promise<BlindPlan[]> {
  const blind = tables.flatMap((table) =>
    facts.subjects
      .filter((role) => isLookedAt(facts, table, role))
      .flatMap((role) => statements(table, role).map((statement) => ({ table, role, statement }))),
  );
  const questions = blind.map(({ table, role, statement }): Question => {
    const tenants = facts.classes.get(table.policyClass!)!.tenants;
    const source = { settings: [facts.tenantSetting], columns: settings.columns, claims: settings.claims };
    return {
      role: role.name,
      settings: settingsOf('own', source, tenants, role.name),
      sql: `explain (costs off, format json) ${statement}`,
    };
  });
  const answers = await ask(session, questions, limits);
  return blind.map((one, at) => {
    const answer = answers[at]!;
    return { ...one, isConditional: 'error' in answer ? answer : isConditional(JSON.parse(answer.text ?? '[]')) };
  });
}

function isLookedAt(facts: RlsFacts, table: TableFacts, role: RoleFacts): boolean {
  return (
    table.policyClass !== undefined &&
    isBound(role, table) &&
    reachesSchema(facts, role, table.schema) &&
    table.policies.some((policy) => policy.permissive && appliesTo(policy, role))
  );
}

/** No column is read: an UPDATE that reads one needs SELECT, and is narrowed by what SELECT may see. */
function statements(table: TableFacts, role: RoleFacts): string[] {
  const name = sqlName(table);
  const tenant = table.tenantColumn?.name;
  return [
    ...(hasPrivilege(role, table, 'SELECT') ? [`select from ${name};`] : []),
    ...(hasPrivilege(role, table, 'UPDATE') && tenant !== undefined
      ? [`update ${name} set ${sqlColumns([tenant])} = default;`]
      : []),
    ...(hasPrivilege(role, table, 'DELETE') ? [`delete from ${name};`] : []),
  ];
}
