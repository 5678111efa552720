import { quoteIdentifier, quoteQualified } from '../../postgres/quote.ts';
import { serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import type { ColumnFacts, Named } from '../facts.ts';
import type { Tenants } from '../samples.ts';
import type { Members } from './members.ts';

/** The table that the tenant columns refer to. */
export interface Registry {
  readonly table: Named;
  readonly column: ColumnFacts;
}

/**
 * Two tenants to evaluate and prove with: real ones where they can be read, since policies may look them up.
 * @param roles that see all tenants and that the reader may become: forced RLS may hide them from itself
 * @param members whom policies know as users of two tenants
 */
export async function findTenants(
  session: Session,
  registry: Registry | undefined,
  told: readonly [string, string] | undefined,
  roles: readonly string[],
  members?: Members,
): Promise<(column: ColumnFacts | undefined) => Tenants> {
  const known = members?.tenants ?? told ?? (registry === undefined ? [] : await readTwo(session, registry, roles));
  const byCategory = new Map<string | undefined, Tenants>();
  return (column) => {
    const tenants = byCategory.get(column?.category) ?? tenantsFor(column, known, members?.subject);
    byCategory.set(column?.category, tenants);
    return tenants;
  };
}

async function readTwo(session: Session, { table, column }: Registry, roles: readonly string[]): Promise<string[]> {
  const name = quoteIdentifier(column.name);
  const sql = `select ${name}::text as id from ${quoteQualified(table.schema, table.name)} order by ${name} limit 2`;
  for (const role of [undefined, ...roles]) {
    const ids = await readAs(session, role, sql);
    if (ids.length === 2) return ids;
  }
  return [];
}

/** None when the role may not read the table, or a lock is in the way: then made-up tenants have to do. */
async function readAs(session: Session, role: string | undefined, sql: string): Promise<string[]> {
  const { values, error } = await session.readOnly([
    "set local lock_timeout = '250ms'",
    ...(role === undefined ? [] : [`set local role ${quoteIdentifier(role)}`]),
    sql,
  ]);
  if (error === undefined) return values.flatMap((id) => id ?? []);
  if (serverError(error) === undefined) throw error;
  return [];
}

const UUIDS = ['00000000-0000-4000-8000-0000000000aa', '00000000-0000-4000-8000-0000000000bb'] as const;
const NOBODY = '00000000-0000-4000-8000-0000000000ff';
const NUMBERS = ['7001', '7002'] as const;
const isUuid = (text: string) => /^[0-9a-f-]{36}$/i.test(text);

/** The tenants as values of a column; those that are known where its type can hold them. */
function tenantsFor(
  column: Pick<ColumnFacts, 'category'> | undefined,
  known: readonly string[],
  subject: string | undefined,
): Tenants {
  const isNumber = column?.category === 'N';
  const isText = column?.category === 'S';
  const fitting = known.filter((id) => isText || (isNumber ? /^\d+$/.test(id) : isUuid(id)));
  const [own, other] = fitting.length === 2 ? fitting : isNumber ? NUMBERS : UUIDS;
  const areReal = fitting.length === 2;
  const tenants = { own: own!, other: other!, unknown: isNumber ? '7999' : NOBODY, areReal };
  return subject !== undefined && (areReal || column === undefined) ? { ...tenants, subject } : tenants;
}
