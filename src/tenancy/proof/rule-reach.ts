import { quoteIdentifier } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { type AskLimits, ask, type Question } from '../ask.ts';
import type { RlsFacts, TableFacts } from '../facts.ts';
import { ownerColumnOf } from '../lineage.ts';
import { displayPath } from '../names.ts';
import { sqlName } from '../proposal.ts';
import { tablesReachedAs } from '../views.ts';
import { mostRows } from './plan-conditions.ts';
import { isSearchableBy } from './searchable.ts';

// A rule may write rows without end whenever one row of its table is written: that is found out before one is.

/** Tables of no more pages than this are small: what happens to all of their rows takes milliseconds. */
const MOST_PAGES = 100;
/** Rows that a rule may write at once where it is tried in production. */
const MOST_WRITTEN = 1_000;

const ON_A_COPY = '--call-volatile tries it all the same, on a copy';

const PAGES = `
  with recursive parts (root, relid) as (
    select oid, oid from pg_catalog.unnest($1::oid[]) oid
    union
    select root, i.inhrelid from pg_catalog.pg_inherits i join parts p on p.relid = i.inhparent
  )
  select root::int8::float8 as oid
  from parts
  group by root
  having sum(pg_catalog.pg_relation_size(relid)) > $2::int8 * pg_catalog.current_setting('block_size')::int8
`;

/**
 * Why statements that set rules off had better not be run in production: by the server's estimate, they would write
 * many rows of a large table, or nothing finds the rows there of which it has to be told what became of them.
 * @param behind tables that the rules reach
 * @param looksThem rows of tenants are looked up there
 */
export async function whyTooMany(
  session: Session,
  behind: readonly TableFacts[],
  questions: readonly Question[],
  limits: AskLimits,
  looksThem = false,
): Promise<string | undefined> {
  const found = await session.query<{ oid: number }>(PAGES, [behind.map(({ oid }) => oid), MOST_PAGES]);
  const large = behind.filter(({ oid }) => found.some((one) => one.oid === oid));
  if (large.length === 0) return undefined;
  const unindexed = looksThem ? large.find((table) => !isSearchableBy(table, table.tenantColumn)) : undefined;
  if (unindexed !== undefined)
    return `${displayPath(unindexed)} is large and has no index by which to find what it does there: ${ON_A_COPY}`;
  const answers = await ask(
    session,
    questions.map((question) => ({ ...question, sql: `explain (format json) ${question.sql}` })),
    limits,
  );
  const names = new Set(large.map(({ name }) => name));
  const counts = answers.map((answer) => ('error' in answer ? 0 : mostRows(JSON.parse(answer.text ?? '[]'), names)));
  const most = Math.max(0, ...counts);
  return most > MOST_WRITTEN
    ? `it would write some ${most} rows at once, by the server's estimate: ${ON_A_COPY}`
    : undefined;
}

/** The same of whatever is written to one row of a table; `undefined` where it has no rules. */
export async function whyRulesReachTooMany(
  session: Session,
  facts: RlsFacts,
  table: TableFacts,
  limits: AskLimits,
): Promise<string | undefined> {
  const rules = facts.rules.filter(({ relation }) => relation === table.oid);
  const column = ownerColumnOf(table)?.name;
  if (rules.length === 0 || column === undefined) return undefined;
  const behind = rules.flatMap(({ relations }) => tablesReachedAs(facts, relations, table.owner));
  const name = sqlName(table);
  const statements = [
    `insert into ${name} default values`,
    `update ${name} set ${quoteIdentifier(column)} = ${quoteIdentifier(column)} where ctid = '(0,1)'`,
    `delete from ${name} where ctid = '(0,1)'`,
  ];
  const questions = [facts.reader, ...facts.subjects].flatMap(({ name: role }) =>
    statements.map((sql) => ({ role, settings: {}, sql })),
  );
  const tables = [...new Set(behind.map((one) => one.table))];
  const reason = await whyTooMany(session, tables, questions, limits);
  return reason === undefined ? undefined : `a rule of ${displayPath(table)} writes to other tables as well: ${reason}`;
}
