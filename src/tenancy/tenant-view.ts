import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import { hasPrivilege, isBound, reachesSchema, tablesInScope } from './access.ts';
import { type Answer, type AskLimits, ask } from './ask.ts';
import { memberOf } from './catalog/members.ts';
import { knownSource, settingsOf } from './contexts.ts';
import type { RlsFacts, RoleFacts, TableFacts } from './facts.ts';
import { displayPath } from './names.ts';
import { sqlName } from './proposal.ts';
import { seers } from './read-facts.ts';
import type { TenancySettings } from './settings.ts';
import { chunksOf } from './share-out.ts';
import { UUID } from './uuid.ts';

/** Looking stops here: what a tenant sees is the question, not how much. */
const MOST_ROWS = 100_000;

const LIMITS: AskLimits = { lockTimeoutMs: 250, statementTimeoutMs: 10_000 };

/** What a role sees of a table in a session of the tenant. */
interface View {
  readonly table: TableFacts;
  readonly role: RoleFacts;
  readonly rows: number | undefined;
  /** Rows that are not the tenant's; `undefined` where no column says whose a row is. */
  readonly others: number | undefined;
  readonly error: string | undefined;
}

/** What a tenant sees of each table, in read-only transactions with every policy in force (manual 11.4). */
export async function viewAs(
  session: Session,
  facts: RlsFacts,
  settings: TenancySettings,
  tenant: string,
  signal?: AbortSignal,
): Promise<CommandResult> {
  refuseWhatIsNoTenant(facts, tenant);
  const subject = await memberOf(session, facts.memberships, tenant, seers(facts));
  const asked = tablesInScope(facts).flatMap((table) =>
    facts.subjects
      .filter((role) => reachesSchema(facts, role, table.schema) && hasPrivilege(role, table, 'SELECT'))
      .map((role) => ({ table, role })),
  );
  const source = knownSource(facts, settings);
  const answers: Answer[] = [];
  for (const chunk of chunksOf(asked, CHUNK)) {
    signal?.throwIfAborted();
    const questions = chunk.map(({ table, role }) => ({
      role: role.name,
      settings: settingsOf('own', source, { own: tenant, other: tenant, unknown: tenant, subject }, role.name),
      sql: countSql(table, tenant),
    }));
    answers.push(...(await ask(session, questions, LIMITS)));
  }
  const counted = await countBare(session, asked, answers, (role) =>
    settingsOf('own', source, { own: tenant, other: tenant, unknown: tenant, subject }, role),
  );
  const views = asked.map((one, at) => ({ ...one, ...readCounts(one.table, counted[at]!) }));
  const result = toResult(tenant, views, facts);
  return (await isKnown(session, facts, tenant)) === false ? withUnknown(result, tenant) : result;
}

/** Tables and roles that are asked about in one message: between two of them it ends when it is told to. */
const CHUNK = 50;

/** Who may not read the tenant's column may be shown rows all the same: those are counted without it. */
async function countBare(
  session: Session,
  asked: readonly { readonly table: TableFacts; readonly role: RoleFacts }[],
  answers: readonly Answer[],
  settings: (role: string) => Readonly<Record<string, string>>,
): Promise<readonly Answer[]> {
  const refused = asked.filter((_, at) => isRefused(answers[at]!));
  const bare = await ask(
    session,
    refused.map(({ table, role }) => ({ role: role.name, settings: settings(role.name), sql: bareCountSql(table) })),
    LIMITS,
  );
  return answers.map((answer, at) => (isRefused(answer) ? (bare[refused.indexOf(asked[at]!)] ?? answer) : answer));
}

function isRefused(answer: Answer): boolean {
  return 'error' in answer && answer.sqlState === SQLSTATE.insufficientPrivilege;
}

function bareCountSql(table: TableFacts): string {
  return `select count(*) || '' from (select from ${sqlName(table)} limit ${MOST_ROWS}) seen`;
}

/** @throws AishaError (usage) where no tenant's column could hold it */
function refuseWhatIsNoTenant(facts: RlsFacts, tenant: string): void {
  const types = new Map(tablesInScope(facts).flatMap(({ tenantColumn }) => typeOf(tenantColumn)));
  const mayBe = ([type, category]: readonly [string, string]) =>
    type === 'uuid' ? UUID.test(tenant) : category !== 'N' || /^-?\d+$/.test(tenant);
  if (types.size === 0 || [...types].some(mayBe)) return;
  throw new AishaError(
    'usage',
    `${tenant} is no tenant: the columns of the tenant are of type ${[...types.keys()].join(', ')}`,
    {
      hint: 'Give the identifier itself; aisha-db tenant resolve SLUG finds it by its slug.',
    },
  );
}

function typeOf(column: TableFacts['tenantColumn']): (readonly [string, string])[] {
  return column === undefined ? [] : [[column.type, column.category]];
}

/** Whether the table of the tenants has it; `undefined` where there is none, or it may not be read. */
async function isKnown(session: Session, facts: RlsFacts, tenant: string): Promise<boolean | undefined> {
  const registry = [...facts.tables.values()].find(({ isRegistry }) => isRegistry);
  if (registry?.tenantColumn === undefined) return undefined;
  const column = quoteIdentifier(registry.tenantColumn.name);
  const sql = `select count(*) from ${sqlName(registry)} where ${column}::text = ${quoteLiteral(tenant)}`;
  const roles = [facts.reader.name, ...seers(facts)];
  const answers = await ask(
    session,
    roles.map((role) => ({ role, settings: {}, sql })),
    LIMITS,
  );
  const counts = answers.flatMap((answer) => ('error' in answer ? [] : [Number(answer.text)]));
  // Somebody who is bound himself sees none of them.
  if (counts.some((count) => count > 0)) return true;
  const sees = [facts.reader, ...facts.roles.values()].some(
    (role) => roles.includes(role.name) && !isBound(role, registry),
  );
  return sees ? false : undefined;
}

function countSql(table: TableFacts, tenant: string): string {
  const column = table.tenantColumn === undefined ? undefined : quoteIdentifier(table.tenantColumn.name);
  const isOther = column === undefined ? 'false' : `${column}::text is distinct from ${quoteLiteral(tenant)}`;
  return `select count(*) || ' ' || count(*) filter (where other) from (select ${isOther} as other from ${sqlName(table)} limit ${MOST_ROWS}) seen`;
}

function readCounts({ tenantColumn }: TableFacts, answer: Answer): Pick<View, 'rows' | 'others' | 'error'> {
  if ('error' in answer) return { rows: undefined, others: undefined, error: answer.error };
  const [rows, others] = (answer.text ?? '').split(' ').map(Number);
  return { rows, others: tenantColumn === undefined ? undefined : others, error: undefined };
}

function toResult(tenant: string, views: readonly View[], { unreachable, reader }: RlsFacts): CommandResult {
  const seen = views.filter(({ rows = 0 }) => rows > 0);
  const tables = new Set(views.map(({ table }) => table)).size;
  return {
    text: `tenant ${tenant} sees rows of ${new Set(seen.map(({ table }) => table)).size} of ${tables} tables`,
    checks: [
      {
        id: 'tenant-view',
        title: 'the tenant sees its own rows only',
        ...statusOf(views, unreachable, reader),
      },
    ],
    findings: views.filter(({ others = 0 }) => others > 0).map(findingOf),
    data: {
      tenant,
      tables: views.map(({ table, role, rows, others, error }) => ({
        table: displayPath(table),
        role: role.name,
        rows: rows ?? null,
        rowsOfOthers: others ?? null,
        error: error ?? null,
      })),
    },
    tables: [
      {
        columns: ['table', 'role', 'rows', "others'"],
        alignRight: [2, 3],
        rows: views.map(({ table, role, rows, others, error }) => [
          displayPath(table),
          role.name,
          rows === undefined ? (error ?? '') : atLeast(rows),
          others === undefined ? '-' : atLeast(others),
        ]),
      },
    ],
  };
}

/** Nobody's session sees nothing: that is no proof of anything. */
function withUnknown(result: CommandResult, tenant: string): CommandResult {
  const check = {
    id: 'tenant-exists',
    title: 'there is such a tenant',
    status: 'unknown' as const,
    reason: `the table of the tenants has no ${tenant}`,
    remediation: 'Give the identifier of a tenant that there is: aisha-db tenant list names them.',
  };
  return { ...result, checks: [check, ...(result.checks ?? [])] };
}

function statusOf(views: readonly View[], unreachable: readonly RoleFacts[], reader: RoleFacts) {
  if (views.some(({ others = 0 }) => others > 0)) return { status: 'failed' as const };
  const failed = views.find(({ error }) => error !== undefined);
  if (failed !== undefined)
    return {
      status: 'unknown' as const,
      reason: `${displayPath(failed.table)} as ${failed.role.name}: ${failed.error}`,
    };
  const untold = views.find(({ table, rows = 0, others }) => table.tenantColumn && rows > 0 && others === undefined);
  if (untold !== undefined)
    return {
      status: 'unknown' as const,
      reason: `${untold.role.name} may not read whose the rows of ${displayPath(untold.table)} are: it sees ${untold.rows}`,
    };
  if (unreachable.length === 0) return { status: 'passed' as const };
  const names = unreachable.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    status: 'unknown' as const,
    reason: `${reader.name} cannot become ${names}`,
    remediation: `grant ${names} to ${quoteIdentifier(reader.name)};`,
  };
}

function findingOf({ table, role, others = 0 }: View): Finding {
  return {
    check: 'tenant-view',
    severity: 'critical',
    object: displayPath(table),
    message: `as ${role.name}, the tenant sees ${atLeast(others)} rows that are not its own`,
    remediation: 'Run aisha-db rls-check without --tenant: it says why, and what mends it.',
    metric: others,
    unit: 'count',
    fingerprint: `tenant-view ${displayPath(table)} ${role.name}`,
  };
}

function atLeast(count: number): string {
  return count >= MOST_ROWS ? `${MOST_ROWS}+` : String(count);
}
