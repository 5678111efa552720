import type pg from 'pg';
import { applyRange, fixture } from './pack.ts';

/** Two of the tenants of the fixtures. */
export const A = '00000000-0000-4000-8000-00000000000a';
export const B = '00000000-0000-4000-8000-00000000000b';

/** What a session says about itself; settings that are left out were never set in it. */
export interface Session {
  readonly tenant?: string;
  readonly email?: string;
  readonly userId?: string;
  readonly claims?: string;
  readonly role?: string;
}

/** The final schema with rows of five tenants in every table, inserted on the way. */
export async function migrateWithRows(client: pg.Client): Promise<void> {
  await applyRange(client, 1, 10);
  await client.query(fixture('rows_after_010.sql'));
  await applyRange(client, 11, 31);
  await client.query(fixture('rows_after_031.sql'));
  await applyRange(client, 32, 999);
  await client.query(fixture('rows_at_the_end.sql'));
}

/** Runs queries as a role in a transaction that is rolled back. */
export async function within<T>(client: pg.Client, session: Session, use: () => Promise<T>): Promise<T> {
  const settings = Object.entries({
    'app.current_tenant_id': session.tenant,
    'app.current_user_email': session.email,
    'app.current_user_id': session.userId,
    'request.jwt.claims': session.claims,
    role: session.role,
  }).filter(([, value]) => value !== undefined);
  await client.query('begin');
  try {
    const calls = settings.map((_, at) => `set_config($${2 * at + 1}, $${2 * at + 2}, true)`);
    await client.query(`select ${calls}`, settings.flat());
    return await use();
  } finally {
    await client.query('rollback');
  }
}

/** Rows that each command reaches. */
export async function reach(client: pg.Client, table: string, session: Session) {
  return within(client, session, async () => {
    const { rows } = await client.query<{ row: Record<string, unknown> }>(`select to_jsonb(x) as row from ${table} x`);
    await client.query('savepoint here');
    const { rowCount: updated } = await client.query(`update ${table} set id = id`);
    await client.query('rollback to here');
    const { rowCount: deleted } = await client.query(`delete from ${table}`);
    return { rows: rows.map(({ row }) => row), counts: { selected: rows.length, updated, deleted } };
  });
}

/** What `reach` counts where each command reaches so many rows. */
export const all = (count: number) => ({ selected: count, updated: count, deleted: count });

export async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1",
  );
  return rows.map(({ name }) => name);
}

export const tenantOf = (table: string, row: Record<string, unknown>) => row[table === 'tenant' ? 'id' : 'tenant_id'];

/** Read by tenants, written by the backend. */
export const isArchive = (table: string) => table.endsWith('_archive');
