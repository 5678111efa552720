/** @module-tag since-15 */
import { makeProject } from '../commands/project.ts';
import type { TestDatabase } from '../support/database.ts';
import { expect, test } from '../support/pack-database.ts';
import { convert } from './convert.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';
const ROWS = 3_000;

/** Rows of two tenants over two years in the shipped table, and one of a far-off time. */
async function fill(db: TestDatabase): Promise<void> {
  await db.superQuery(`
    insert into tenant (id, slug, name) values ('${A}', 'a', 'A'), ('${B}', 'b', 'B');
    insert into activities (id, tenant_id, type, subject, created_at)
    select md5(n::text)::uuid, case when n % 2 = 0 then '${A}' else '${B}' end::uuid, 'call', 'n'' % ' || n,
      date_trunc('month', now()) + interval '5 days' - interval '1 month' * (n % 24)
    from generate_series(1, ${ROWS}) n;
    update activities set created_at = '1950-01-01' where id = md5('1')::uuid;
    grant usage on schema public to authenticated;
    grant select, insert, update, delete on activities to authenticated;
    grant update (subject) on activities to anon;
  `);
}

type Rows = Map<string, string>;
const TEXT = "subject || ' ' || extract(epoch from created_at) as text";

async function rowsOf(db: TestDatabase, table: string): Promise<Rows> {
  const rows = await db.superQuery<{ id: string; text: string }>(`select id, ${TEXT} from ${table}`);
  const found = new Map(rows.map(({ id, text }) => [id, text]));
  expect(found.size, 'every row once').toBe(rows.length);
  return found;
}

const INSERT = `insert into activities (tenant_id, type, subject) values ('${A}', 'x', 'new') returning id, ${TEXT}`;
/** Each of another row; the third moves it into another partition, the fourth gives it another key. */
const UPDATES = ["subject = 'changed'", "created_at = created_at - interval '40 days'", 'id = gen_random_uuid()'];

/** Changes rows until told to stop; keeps in `expected` what was committed. Every fifth transaction is rolled back. */
async function write(db: TestDatabase, expected: Rows, ids: string[], isolation: string, isOver: () => boolean) {
  const client = await db.connect(db.superUrl);
  let count = 0;
  for (; !isOver() && ids.length > 10; count++) {
    await client.query(`begin isolation level ${isolation}`);
    const gone: string[] = [];
    const rows = (await client.query(INSERT)).rows;
    for (const update of UPDATES) {
      const id = ids.pop()!;
      const { rows: changed } = await client.query(
        `update activities set ${update} where id = $1 returning id, ${TEXT}`,
        [id],
      );
      if (changed[0] !== undefined) gone.push(id);
      rows.push(...changed);
    }
    const id = ids.pop()!;
    if ((await client.query('delete from activities where id = $1', [id])).rowCount === 1) gone.push(id);
    await client.query(count % 5 === 4 ? 'rollback' : 'commit');
    if (count % 5 === 4) continue;
    for (const one of gone) expected.delete(one);
    for (const { id: one, text } of rows) expected.set(one, text);
  }
  return count;
}

const seenBy = async (db: TestDatabase, table: string, tenant: string) => {
  const client = await db.connect(db.superUrl);
  await client.query(`begin; set local role authenticated; set local app.current_tenant_id = '${tenant}'`);
  const { rows } = await client.query(`select distinct tenant_id from ${table}`);
  await client.query('rollback');
  return rows.map(({ tenant_id: seen }) => seen);
};

test('the shipped activities: killed in the middle of the copy while others write, every row is there once, isolated as before', async ({
  packDb: db,
}) => {
  await fill(db);
  const expected = await rowsOf(db, 'activities');
  const project = await makeProject({}, { env: db.env });
  const before = (await project.report('rls-check')).findings.length;
  await convert(project, 'public.activities', 'created_at', '--since', '2024-01-01');
  let isOver = false;
  const ids = [...expected.keys()];
  const writers = ['read committed', 'repeatable read'].map((level, half) =>
    write(
      db,
      expected,
      ids.filter((_, at) => at % 2 === half),
      level,
      () => isOver,
    ),
  );

  const first = project.start('migrate');
  await first.stderrContains(/notice: 1\d\d\d rows copied/);
  first.kill('SIGKILL');
  await first.done;
  const second = await project.run('migrate');
  isOver = true;
  for (const count of await Promise.all(writers)) expect(count).toBeGreaterThan(20);

  expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('it is run again')]);
  expect(second.stderr).not.toMatch(/notice: \d\d?\d? rows copied/);
  expect(await rowsOf(db, 'activities')).toEqual(expected);

  // Isolated, through the table and by the names of partitions.
  expect(await seenBy(db, 'activities', A)).toEqual([A]);
  expect((await project.report('rls-check')).findings).toHaveLength(before);
  const shown = await project.report('partitions');
  expect(shown).toMatchObject({ exitCode: 0, data: { missing: [] } });
});
