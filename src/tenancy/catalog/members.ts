import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts';
import { serverError } from '../../postgres/server-error.ts';
import type { Session } from '../../postgres/session.ts';
import { type Membership, type MembershipCandidate, rankMemberships, type UserColumn } from '../membership.ts';

/** Two tenants, and a user who is a member of the first and not of the second. */
export interface Members {
  readonly tenants: readonly [string, string];
  readonly subject: string;
}

const COLUMNS = `
  select a.attrelid as relation, a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    t.typcategory as category, f.relname as refers
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join lateral (
    select c.confrelid from pg_catalog.pg_constraint c
    where c.conrelid = a.attrelid and c.contype = 'f' and c.conkey = array[a.attnum] limit 1
  ) k on true
  left join pg_catalog.pg_class f on f.oid = k.confrelid
  where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped
    and (t.typcategory in ('N', 'S') or a.atttypid = 'pg_catalog.uuid'::regtype)
  order by a.attrelid, a.attnum
`;

/** The tables that say which user belongs to which tenant, the likeliest first. */
export async function readMemberships(
  session: Session,
  candidates: readonly MembershipCandidate[],
): Promise<Membership[]> {
  if (candidates.length === 0) return [];
  const rows = await session.query<UserColumn & { relation: number }>(COLUMNS, [candidates.map(({ oid }) => oid)]);
  return rankMemberships(candidates, (oid) => rows.filter(({ relation }) => relation === oid));
}

/**
 * Users that belong to one tenant only, of two tenants: whoever is in both may see both.
 * @param told the tenants that it has to be
 * @param roles that see every member and that the reader may become
 */
export async function findMembers(
  session: Session,
  memberships: readonly Membership[],
  told: readonly [string, string] | undefined,
  roles: readonly string[],
): Promise<Members | undefined> {
  for (const membership of memberships)
    for (const role of [undefined, ...roles]) {
      const own = await findMember(session, membership, told?.[0], undefined, role);
      if (own === undefined) continue;
      const other = told?.[1] ?? (await findMember(session, membership, undefined, own.tenant, role))?.tenant;
      if (other !== undefined) return { tenants: [own.tenant, other], subject: own.subject };
    }
  return undefined;
}

/** A user of a tenant, any or the one that is told, who is in no other tenant. */
async function findMember(
  session: Session,
  { table, tenant, user }: Membership,
  told: string | undefined,
  besides: string | undefined,
  role: string | undefined,
): Promise<{ readonly tenant: string; readonly subject: string } | undefined> {
  const [column, who] = [quoteIdentifier(tenant.name), quoteIdentifier(user.name)];
  const from = quoteQualified(table.schema, table.name);
  const conditions = [
    `a.${column} is not null`,
    `a.${who} is not null`,
    ...(told === undefined ? [] : [`a.${column}::text = ${quoteLiteral(told)}`]),
    ...(besides === undefined ? [] : [`a.${column}::text <> ${quoteLiteral(besides)}`]),
    `not exists (select from ${from} b where b.${who} = a.${who} and b.${column} <> a.${column})`,
  ];
  const { values, error } = await session.readOnly([
    "set local lock_timeout = '250ms'",
    "set local statement_timeout = '2s'",
    ...(role === undefined ? [] : [`set local role ${quoteIdentifier(role)}`]),
    `select pg_catalog.json_build_object('tenant', a.${column}::text, 'subject', a.${who}::text)
      from ${from} a where ${conditions.join(' and ')} limit 1`,
  ]);
  // It may not be read, is locked, or is too large for such a question: then users are made up.
  if (error !== undefined && serverError(error) === undefined) throw error;
  const found = error === undefined ? values.at(-1) : undefined;
  return found == null ? undefined : JSON.parse(found);
}

/** A user who is in this tenant and in no other; `undefined` where nobody is, or nobody may be looked up. */
export async function memberOf(
  session: Session,
  memberships: readonly Membership[],
  tenant: string,
  roles: readonly string[],
): Promise<string | undefined> {
  for (const membership of memberships)
    for (const role of [undefined, ...roles]) {
      const found = await findMember(session, membership, tenant, undefined, role);
      if (found !== undefined) return found.subject;
    }
  return undefined;
}
