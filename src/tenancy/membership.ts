import type { ColumnFacts, Named } from './facts.ts';

/** A table that policies look at and that has a tenant's column: it may say which user belongs to which tenant. */
export interface MembershipCandidate extends Named {
  readonly tenantColumn: Pick<ColumnFacts, 'name' | 'type' | 'category'>;
}

/** A column that may say who the user is. */
export interface UserColumn extends Pick<ColumnFacts, 'name' | 'type' | 'category'> {
  /** Name of the table that it refers to. */
  readonly refers: string | null;
}

/** Where policies look up which user belongs to which tenant. */
export interface Membership {
  readonly table: Named;
  readonly tenant: Pick<ColumnFacts, 'name' | 'type' | 'category'>;
  readonly user: Pick<ColumnFacts, 'name' | 'type' | 'category'>;
}

/** More of them are not looked at. */
const MOST_MEMBERSHIPS = 3;

const USERS = /^(auth_?)?(users?|profiles?|accounts?|members?|people|persons?|staff|employees?)$/i;
const USER = /^(auth_?|app_?)?(user|profile|account|member|person|owner|employee|staff)_?(id|uid|uuid)?$|^(uid|sub)$/i;

/**
 * The candidates with a column for the user, the likeliest first. A guess: it decides whom policies are asked as, and
 * never what their answers mean.
 */
export function rankMemberships(
  candidates: readonly MembershipCandidate[],
  columnsOf: (oid: number) => readonly UserColumn[],
): Membership[] {
  const found = candidates.flatMap((table) => {
    const scored = columnsOf(table.oid)
      .filter(({ name }) => name !== table.tenantColumn.name)
      .map((column) => ({ column, score: scoreOf(column, table) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score);
    const [best] = scored;
    if (best === undefined) return [];
    const { name, type, category } = best.column;
    const membership = { table, tenant: table.tenantColumn, user: { name, type, category } };
    return [{ membership, score: best.score + Number(/member|user|profile|role|team/i.test(table.name)) }];
  });
  return found
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST_MEMBERSHIPS)
    .map(({ membership }) => membership);
}

function scoreOf({ name, refers }: UserColumn, table: Named): number {
  const isNamed = USER.test(name);
  if (refers !== null && USERS.test(refers)) return isNamed || name === 'id' ? 5 : 2;
  // Users may be kept in a table of whatever name.
  if (refers !== null) return isNamed ? 3 : 0;
  if (isNamed) return 4;
  return name === 'id' && USERS.test(table.name) ? 3 : 0;
}

/** A column that is called as one that holds the user. */
export function isUserColumn(name: string): boolean {
  return USER.test(name);
}

/** A setting that carries the user: `app.user_id`. */
export function isUserSetting(name: string): boolean {
  return USER.test(
    name
      .split('.')
      .at(-1)!
      .replace(/^current_?/i, ''),
  );
}
