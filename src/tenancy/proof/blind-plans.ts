import { SQLSTATE } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import { appliesTo, hasPrivilege, isBound, reachesSchema } from '../access.ts';
import { type Answer, type AskLimits, ask, type Question } from '../ask.ts';
import { knownSource, settingsOf } from '../contexts.ts';
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
  const source = knownSource(facts, settings);
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
        sql: explain(statement),
      };
    });
    const answers = await ask(session, questions, limits);
    await askOfOtherColumns(session, blind, questions, answers, limits);
    plans[at] = blind.map((one, place) => ({ ...one, isConditional: judge(one.table, answers[place]!) }));
    done += chunk.length;
    onTable(done);
  });
  return plans.flat();
}

/**
 * Who may update some columns only may not set the tenant's: the same is asked with a column that may be set.
 * @param blind what was asked, and `answers` what came of it: both are mended in place
 */
async function askOfOtherColumns(
  session: Session,
  blind: Pick<BlindPlan, 'table' | 'role' | 'statement'>[],
  questions: readonly Question[],
  answers: Answer[],
  limits: AskLimits,
): Promise<void> {
  const refused = answers.flatMap((answer, at) =>
    'error' in answer &&
    answer.sqlState === SQLSTATE.insufficientPrivilege &&
    blind[at]!.statement.startsWith('update ')
      ? [at]
      : [],
  );
  if (refused.length === 0) return;
  const columns = await session.query<{ name: string | null }>(UPDATABLE, [
    refused.map((at) => blind[at]!.role.name),
    refused.map((at) => blind[at]!.table.oid),
  ]);
  const again = refused.flatMap((at, place) => {
    const name = columns[place]!.name;
    return name === null ? [] : [{ at, statement: updateOf(blind[at]!.table, name) }];
  });
  const found = await ask(
    session,
    again.map(({ at, statement }) => ({ ...questions[at]!, sql: explain(statement) })),
    limits,
  );
  for (const [place, { at, statement }] of again.entries()) {
    blind[at] = { ...blind[at]!, statement };
    answers[at] = found[place]!;
  }
}

const UPDATABLE = `
  select (
    select a.attname from pg_catalog.pg_attribute a
    where a.attrelid = asked.relation and a.attnum > 0 and not a.attisdropped
      and pg_catalog.has_column_privilege(asked.role, asked.relation, a.attnum, 'UPDATE')
    order by a.attnum limit 1
  ) as name
  from unnest($1::name[], $2::oid[]) with ordinality asked (role, relation, place)
  order by place
`;

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

function explain(statement: string): string {
  return `explain (costs off, format json) ${statement}`;
}

function updateOf(table: TableFacts, column: string): string {
  return `update ${sqlName(table)} set ${sqlColumns([column])} = default;`;
}

/** No column is read: an UPDATE that reads one needs SELECT, and is narrowed by what SELECT may see. */
function statements(table: TableFacts, role: RoleFacts): string[] {
  const name = sqlName(table);
  const tenant = table.tenantColumn?.name;
  return [
    ...(hasPrivilege(role, table, 'SELECT') ? [`select from ${name};`] : []),
    ...(hasPrivilege(role, table, 'UPDATE') && tenant !== undefined ? [updateOf(table, tenant)] : []),
    ...(hasPrivilege(role, table, 'DELETE') ? [`delete from ${name};`] : []),
  ];
}
