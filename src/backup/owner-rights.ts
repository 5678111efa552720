import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';

/**
 * Lets roles create in the schema public while `use` runs: only to whom may create in a schema can something in it be
 * given (ALTER ... OWNER), unless by a superuser, and pg_restore gives things away before it grants.
 * @param kept roles to whom the restore itself grants it
 */
export async function withCreationRights<T>(
  session: Session,
  owners: readonly string[],
  kept: readonly string[],
  use: () => Promise<T>,
): Promise<T> {
  const lent = await session.query<{ name: string }>(
    `select o.name from unnest($1::text[]) o(name)
     join pg_catalog.pg_namespace n on n.nspname = 'public'
     where not pg_catalog.has_schema_privilege(o.name, n.oid, 'CREATE')`,
    [owners],
  );
  for (const { name } of lent) await session.query(`grant create on schema public to ${quoteIdentifier(name)}`);
  const result = await use();
  for (const { name } of lent) {
    if (kept.includes(name)) continue;
    await session.query(`revoke create on schema public from ${quoteIdentifier(name)}`);
  }
  return result;
}
