import type { Session } from '../../postgres/session.ts';

/**
 * Those of the settings that have a value in every session of a role or of the database: what a transaction made of them
 * ends in that value, not in the empty string (PostgreSQL docs, ALTER ROLE … SET).
 */
export async function readLastingSettings(session: Session, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  const rows = await session.query<{ name: string }>(
    `
      select name
      from pg_catalog.unnest($1::text[]) name
      where pg_catalog.current_setting(name, true) <> ''
        or exists (
          select
          from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) made
          where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
            and pg_catalog.lower(pg_catalog.split_part(made, '=', 1)) = pg_catalog.lower(name)
            and pg_catalog.right(made, 1) <> '='
        )
    `,
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}
