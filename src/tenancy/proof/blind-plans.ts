import type { Session } from '../../postgres/session.ts';
import { appliesTo, hasPrivilege, isBound, reachesSchema } from '../access.ts';
import { type Answer, type AskLimits, ask, type Question } from '../ask.ts';
import { settingsOf } from '../contexts.ts';
import type { RlsFacts, RoleFacts, TableFacts } from '../facts.ts';
import { sqlColumns, sqlName } from '../proposal.ts';
import type { TenancySettings } from '../settings.ts';
import { chunksOf, shareOut } from '../share-out.ts';
import { isConditional } from './plan-conditions.ts';

/** What the server would do for a statement without WHERE, which no SELECT policy narrows. */
export interface BlindPlan {
  readonly table: TableFacts;
  readonly role: RoleFacts;
  readonly statement: string;
  /** The policies put a condition on every row; or why there is no plan. */
  readonly isConditional: boolean | { readonly error: string; readonly sqlState: string };
}

/** Tables whose statements are planned in one message. */
const CHUNK = 100;

/**
 * Has SELECT, UPDATE and DELETE planned as each role that is bound, with the server's own policies in force, and runs
 * none: EXPLAIN without ANALYZE in a read-only transaction touches no row.
 * @param sessions share the work
 * @param onTable is told how many tables are done
 */
export async function readBlindPlans(
  sessions: readonly Session[],
  facts: RlsFacts,
  tables: readonly TableFacts[],
  settings: TenancySettings,
  limits: AskLimits,
  onTable: (done: number) => void,
): Promise<BlindPlan[]> {
  const { columns, claims } = settings;
  const source = { settings: [facts.tenantSetting], columns, claims, users: facts.userSettings };
  const judge = judging();
  const plans: BlindPlan[][] = [];
  let done = 0;
  await shareOut(sessions, chunksOf(tables, CHUNK), async (session, chunk, at) => {
    // Role by role: what a session says of itself is then said once for all of the tables.
    const blind = facts.subjects.flatMap((role) =>
      chunk
        .filter((table) => isLookedAt(facts, table, role))
        .flatMap((table) => statements(table, role).map((statement) => ({ table, role, statement }))),
    );
    const questions = blind.map(({ table, role, statement }): Question => {
      const { tenants } = facts.classes.get(table.policyClass!)!;
      return {
        role: role.name,
        settings: settingsOf('own', source, tenants, role.name),
        sql: `explain (costs off, format json) ${statement}`,
      };
    });
    const answers = await ask(session, questions, limits);
    plans[at] = blind.map((one, place) => ({ ...one, isConditional: judge(one.table, answers[place]!) }));
    done += chunk.length;
    onTable(done);
  });
  return plans.flat();
}

/** Plans of tables that are alike differ in the tables' names only: each is taken apart once. */
function judging(): (table: TableFacts, answer: Answer) => BlindPlan['isConditional'] {
  const known = new Map<string, boolean>();
  return ({ name }, answer) => {
    if ('error' in answer) return answer;
    const plan = answer.text ?? '[]';
    const alike = plan.replaceAll(JSON.stringify(name), '""');
    const verdict = known.get(alike) ?? isConditional(JSON.parse(plan));
    known.set(alike, verdict);
    return verdict;
  };
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
