/** @module-tag since-13 */
import { afterAll, beforeAll, describe } from 'vitest';
import { expect, test } from '../support/database.ts';
import { type PgBouncer, pgbouncerMissing, startPgBouncer } from '../support/pgbouncer.ts';
import { advisoryLocks, ledgerOf, makeProject, objectsOf } from './project.ts';

const FILES = {
  'sql/001_a.sql': 'create table a (id int)',
  'sql/ROLLBACK_001_a.sql': 'drop table a',
  'sql/fixes/FIX_a.sql': 'insert into a values (1)',
};

describe('behind PgBouncer', () => {
  let transactions: PgBouncer;
  let sessions: PgBouncer;

  beforeAll(async () => {
    if (pgbouncerMissing() !== undefined) return;
    [transactions, sessions] = await Promise.all([
      startPgBouncer({ mode: 'transaction' }),
      startPgBouncer({ mode: 'session' }),
    ]);
  });
  afterAll(() => Promise.all([transactions?.stop(), sessions?.stop()]));

  test('in transaction mode every command that writes is refused with the address to use, and leaves no lock', async ({
    db,
    skip,
  }) => {
    skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
    const project = await makeProject(FILES, db);
    await project.run('migrate');
    await project.write({ 'sql/002_b.sql': 'create table b (id int)' });
    const url = transactions.through(db.url);
    for (const args of [
      ['migrate'],
      ['baseline', '--to', '2'],
      ['rollback', '1'],
      ['fix', 'a'],
      ['repair'],
      ['backup'],
    ]) {
      // Only with something to repair does repair need the lock.
      if (args[0] === 'repair') await project.write({ 'sql/001_a.sql': '-- a\ncreate table a (id int)' });
      const { code, stderr } = await project.run(...args, '--yes', '--database-url', url);
      expect(stderr, args[0]).toContain(
        `error: 127.0.0.1:${transactions.port} does not keep a session: a transaction pooler stands between`,
      );
      expect(stderr, args[0]).toContain('hint: Connect to PostgreSQL itself, or to a pooler in session mode');
      expect(code, args[0]).toBe(3);
      expect(await advisoryLocks(db), args[0]).toBe(0);
    }
    expect(await ledgerOf(db)).toEqual([{ file: '001_a.sql', state: 'applied' }]);
    expect(await objectsOf(db)).not.toContain('public.b');
  });

  test('in transaction mode what only reads is allowed', async ({ db, skip }) => {
    skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
    const project = await makeProject(FILES, { env: { DATABASE_URL: transactions.through(db.url) } });
    expect((await project.run('status')).stdout).toContain('1 pending');
    expect((await project.run('migrate', '--dry-run')).stdout).toContain('would apply 1 file');
    expect(await advisoryLocks(db)).toBe(0);
  });

  test('in session mode everything works', async ({ db, skip }) => {
    skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
    const project = await makeProject(FILES, { env: { DATABASE_URL: sessions.through(db.url) } });
    for (const args of [['migrate'], ['fix', 'a', '--yes'], ['rollback', '1', '--yes'], ['migrate']]) {
      const { code, stderr } = await project.run(...args);
      expect(code, stderr).toBe(0);
    }
    expect(await objectsOf(db)).toContain('public.a');
    await expect.poll(() => advisoryLocks(db)).toBe(0);
  });
});

test('an address that says itself what it is is refused without connecting', async () => {
  const project = await makeProject(FILES);
  const cases: readonly (readonly [string, string, string])[] = [
    ['postgres://u:secret@127.0.0.1:6543/d', 'port 6543 of 127.0.0.1 is a transaction pooler', 'port 5432'],
    [
      'postgres://u:secret@127.0.0.1:5432/d?pgbouncer=true',
      'the address of 127.0.0.1:5432 says pgbouncer=true: a transaction pooler',
      'pooler in session mode',
    ],
    [
      'postgres://u.ref:secret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
      'port 6543 of aws-0-eu-central-1.pooler.supabase.com is a transaction pooler',
      'aws-0-eu-central-1.pooler.supabase.com:5432',
    ],
  ];
  for (const [url, message, hint] of cases) {
    const { code, stderr } = await project.run('migrate', '--database-url', url);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('tried');
    expect(stderr).not.toContain('secret');
    expect(code).toBe(3);
  }
});
