import { expect, test } from './database.ts';
import { pgbouncerMissing, startPgBouncer } from './pgbouncer.ts';

test('in transaction mode two transactions of one client may meet different sessions', async ({ db, skip }) => {
  skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
  const pooler = await startPgBouncer({ mode: 'transaction' });
  try {
    const url = pooler.through(db.url);
    const [first, second] = [await db.connect(url), await db.connect(url)];
    const pid = async (client: typeof first) => (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
    const before = await pid(first);
    await second.query('begin');
    await pid(second);
    const after = await pid(first);
    await second.query('commit');
    expect(after).not.toBe(before);
  } finally {
    await pooler.stop();
  }
});

test('in session mode a client keeps its session', async ({ db, skip }) => {
  skip(pgbouncerMissing() !== undefined, pgbouncerMissing());
  const pooler = await startPgBouncer({ mode: 'session' });
  try {
    const [client, other] = [await db.connect(pooler.through(db.url)), await db.connect(pooler.through(db.url))];
    await client.query(`set application_name to 'kept'`);
    await other.query('begin');
    const { rows } = await client.query(`select current_setting('application_name') as name`);
    expect(rows).toEqual([{ name: 'kept' }]);
    await other.query('rollback');
  } finally {
    await pooler.stop();
  }
});
