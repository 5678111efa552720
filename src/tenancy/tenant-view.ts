import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import { hasPrivilege, reachesSchema, tablesInScope } from './access.ts';
import { type Answer, type AskLimits, ask } from './ask.ts';
import { settingsOf } from './contexts.ts';
import type { RlsFacts, RoleFacts, TableFacts } from './facts.ts';
import { displayPath } from './names.ts';
import { sqlName } from './proposal.ts';
import type { TenancySettings } from './settings.ts';

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
): Promise<CommandResult> {
  const asked = tablesInScope(facts).flatMap((table) =>
    facts.subjects
      .filter((role) => reachesSchema(facts, role, table.schema) && hasPrivilege(role, table, 'SELECT'))
      .map((role) => ({ table, role })),
  );
  const names = [...new Set([facts.tenantSetting, ...settings.settings])];
  const source = { settings: names, columns: settings.columns, claims: settings.claims };
  const answers = await ask(
    session,
    asked.map(({ table, role }) => ({
      role: role.name,
      settings: settingsOf('own', source, { own: tenant, other: tenant, unknown: tenant }, role.name),
      sql: countSql(table, tenant),
    })),
    LIMITS,
  );
  return toResult(
    tenant,
    asked.map((one, at) => ({ ...one, ...readCounts(one.table, answers[at]!) })),
    facts,
  );
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

function statusOf(views: readonly View[], unreachable: readonly RoleFacts[], reader: RoleFacts) {
  if (views.some(({ others = 0 }) => others > 0)) return { status: 'failed' as const };
  const failed = views.find(({ error }) => error !== undefined);
  if (failed !== undefined)
    return {
      status: 'unknown' as const,
      reason: `${displayPath(failed.table)} as ${failed.role.name}: ${failed.error}`,
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
