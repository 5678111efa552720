import type { TestDatabase } from '../support/database.ts';

export const ACME = '00000000-0000-4000-8000-00000000000a';
export const OTHER = '00000000-0000-4000-8000-00000000000b';
export const SYSTEM = '00000000-0000-4000-8000-0000000000cc';
/** Everything that a URL, SQL, a shell or a page takes for its own. */
export const HOSTILE = `o'brien/"x"?%</script>#ünï`;

/** A table of tenants that this role owns and sees. */
export async function makeTenants(db: TestDatabase): Promise<void> {
  await db.query(`
    create table tenant (id uuid primary key, slug text unique, name text, status text, created_at timestamptz);
    insert into tenant values
      ('${ACME}', 'acme', 'Acme', 'active', '2026-01-02 03:04:05+00'),
      ('${OTHER}', '${HOSTILE.replaceAll("'", "''")}', 'Other', null, null),
      ('${SYSTEM}', 'internal', 'System', null, null)
  `);
}
