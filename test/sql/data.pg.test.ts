/** @module-tag since-15 */
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { apply, applyRange, FILES, fixture, hasRollback, rollBack, SQL_DIR } from './pack.ts';

const SLUGS = ['acme', `o'brien "x"; drop table users;--`, ' Ünïcode 日本 ', '%s', '$1'];

/** Renamed by 051. */
const RENAMED: Readonly<Record<string, string>> = {
  employees: 'employee',
  bizdev_sources: 'bizdev_source',
  workflows: 'workflow',
};

/** Merged into ai_campaigns by 035 and dropped by 036. */
const MERGED = ['campaign_recipients', 'campaign_analytics'];

type Rows = Readonly<Record<string, Record<string, unknown>[]>>;

/** All rows by table, past every policy; without the log, which triggers write. */
async function rowsOf(db: TestDatabase): Promise<Rows> {
  const tables = await db.superQuery<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'audit_log' order by 1",
  );
  const entries: [string, Record<string, unknown>[]][] = [];
  for (const { name } of tables) {
    const rows = await db.superQuery(`select to_jsonb(x) as row from ${name} x order by to_jsonb(x) ->> 'id'`);
    entries.push([name, rows.map(({ row }) => row as Record<string, unknown>)]);
  }
  return Object.fromEntries(entries);
}

/** Rows that are in the first and not in the second. */
function lost(before: Rows, after: Rows): string[] {
  return Object.entries(before).flatMap(([table, rows]) => {
    if (MERGED.includes(table)) return [];
    const left = new Set((after[RENAMED[table] ?? table] ?? []).map(({ id }) => id));
    return rows.filter(({ id }) => !left.has(id)).map((row) => `${table}: ${JSON.stringify(row)}`);
  });
}

async function migrate(db: TestDatabase, ...args: string[]) {
  // A run that stops on the way leaves tables that only the end of the pack secures.
  const cwd = await makeFolder({ 'aisha-db.config.json': '{ "gate": "off" }' });
  return runHere(['migrate', '--dir', SQL_DIR, ...args], { cwd, env: db.env });
}

test('rows inserted on the way are all there at the end, each with the UUID of its tenant', async ({ db }) => {
  const client = await db.connect();
  expect((await migrate(db, '--to', '10')).code).toBe(0);
  await client.query(fixture('rows_after_010.sql'));
  // Some rows held the text of the UUID already.
  await client.query(
    "insert into accounts (tenant_id, name, metadata) select id::text, 'by uuid', jsonb_build_object('t', id) from tenant",
  );
  const early = await rowsOf(db);
  expect((await migrate(db, '--to', '31')).code).toBe(0);
  await client.query(fixture('rows_after_031.sql'));
  const late = await rowsOf(db);
  expect((await migrate(db)).code).toBe(0);
  const after = await rowsOf(db);

  // 019 leaves the oldest of two employees with the same address.
  expect(lost(early, after)).toEqual([expect.stringMatching(/^employees: .*"dup": ?true/)]);
  expect(lost(late, after)).toEqual([]);
  const wrong = Object.entries(after).flatMap(([table, rows]) =>
    rows
      .filter(({ metadata, tenant_id }) => {
        const tenant = (metadata as { t?: string } | null)?.t;
        return tenant !== undefined && tenant !== tenant_id;
      })
      .map((row) => ({ table, row })),
  );
  expect(wrong).toEqual([]);
  const marked = Object.keys(after).filter((table) =>
    after[table]!.some(({ metadata }) => (metadata as { t?: string } | null)?.t !== undefined),
  );
  expect(marked.length).toBeGreaterThanOrEqual(24);

  expect(await db.superQuery('select slug, plan, status, settings from tenant order by id')).toEqual([
    { slug: SLUGS[0], plan: 'pro', status: 'active', settings: { a: 1 } },
    { slug: SLUGS[1], plan: 'free', status: 'suspended', settings: {} },
    { slug: SLUGS[2], plan: 'free', status: 'active', settings: {} },
    { slug: SLUGS[3], plan: 'x', status: 'active', settings: {} },
    { slug: SLUGS[4], plan: 'free', status: 'active', settings: {} },
  ]);
  expect(
    await db.superQuery(`
      select t.slug from users u join tenant t on t.id = u.tenant_id where u.email ~ '^u@[0-9a-f]{6}' order by t.id
    `),
  ).toEqual(SLUGS.map((slug) => ({ slug })));
  // What the deleted employee owned went to the other.
  expect(
    await db.superQuery(`
      select c.owner_id = e.id as kept from contacts c join employee e using (tenant_id)
      where not c.metadata ? 'dangling'
    `),
  ).toEqual(SLUGS.map(() => ({ kept: true })));
  // 032 cleared references to nobody and noted them.
  expect(
    await db.superQuery(`
      select owner_id, metadata ? 'orphaned_references' as noted from contacts where metadata ? 'dangling'
    `),
  ).toEqual(SLUGS.map(() => ({ owner_id: null, noted: true })));
  // 035 took recipients and figures of a campaign in.
  expect(
    await db.superQuery(`
      select jsonb_array_length(target_contacts) as recipients, performance_metrics ->> 'total_calls' as calls
      from ai_campaigns c join tenant t on t.id = c.tenant_id
      order by t.id
    `),
  ).toEqual([{ recipients: 3, calls: null }, ...SLUGS.slice(1).map(() => ({ recipients: 3, calls: '7' }))]);
});

test('slugs without a tenant stop 052, which names all of them and changes nothing', async ({ db }) => {
  const client = await db.connect();
  expect((await migrate(db, '--to', '10')).code).toBe(0);
  await client.query(fixture('rows_after_010.sql'));
  await client.query(`
    insert into accounts (tenant_id, name) values ('ghost', 'a'), ('o''ghost; --', 'b'), ('ghost', 'c');
    insert into leads (tenant_id, email) values ('nobody', 'x@x');
    insert into webhook (tenant_id, url) values ('00000000-0000-4000-8000-0000000000ff', 'u')
  `);
  expect((await migrate(db, '--to', '51')).code).toBe(0);
  const before = await rowsOf(db);
  const failed = await migrate(db);
  expect(failed.code).toBe(7);
  const output = failed.stdout + failed.stderr;
  expect(output).toContain('052_tenant_identifiers.sql');
  expect(output).toContain('tenant_id values that are no tenant:');
  expect(output).toContain(`accounts: 'ghost', 'o''ghost; --'`);
  expect(output).toContain(`leads: 'nobody'`);
  expect(output).toContain(`webhook: '00000000-0000-4000-8000-0000000000ff'`);
  expect(await rowsOf(db)).toEqual(before);

  await client.query(`
    select lift_forced_rls();
    insert into tenant (id, tenant_id, name) values
      (default, 'ghost', 'G'), (default, 'o''ghost; --', 'O'), (default, 'nobody', 'N'),
      ('00000000-0000-4000-8000-0000000000ff', 'late', 'L');
    select restore_forced_rls()
  `);
  expect((await migrate(db)).code).toBe(0);
  expect(
    await db.superQuery(`
      select a.name, t.slug from accounts a join tenant t on t.id = a.tenant_id where t.slug ~ 'ghost' order by 1
    `),
  ).toEqual([
    { name: 'a', slug: 'ghost' },
    { name: 'b', slug: "o'ghost; --" },
    { name: 'c', slug: 'ghost' },
  ]);
});

/** Applies the files, then rolls them back from the end; after each, the rows are those that were there before it. */
async function thereAndBack(db: TestDatabase, files: readonly string[]): Promise<void> {
  const client = await db.connect();
  const before = new Map<string, Rows>();
  for (const file of files) {
    before.set(file, await rowsOf(db));
    await apply(client, file);
  }
  for (const file of files.toReversed()) {
    if (hasRollback(file)) await rollBack(client, file);
    expect(await rowsOf(db), `after ROLLBACK_${file}`).toEqual(before.get(file));
  }
}

test('999 to 011 rolled back give every row back as it was', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 10);
  await client.query(fixture('rows_after_010.sql'));
  // What 019 deletes does not come back.
  await client.query(`
    update contacts c set owner_id = e.id from employees e
    where e.tenant_id = c.tenant_id and not e.metadata ? 'dup' and not c.metadata ? 'dangling';
    delete from employees where metadata ? 'dup'
  `);
  await thereAndBack(db, FILES.slice(FILES.indexOf('011_enable_rls.sql')));
});

test('999 to 032 rolled back give the rows of tables made since 011 back too', async ({ db }) => {
  const client = await db.connect();
  await applyRange(client, 1, 10);
  await client.query(fixture('rows_after_010.sql'));
  await applyRange(client, 11, 31);
  await client.query(fixture('rows_after_031.sql'));
  await thereAndBack(db, FILES.slice(FILES.indexOf('032_normalize_foreign_keys.sql')));
});

test('every file leaves the rows alone when it is applied a second time', async ({ db }) => {
  const client = await db.connect();
  for (const file of FILES) {
    await apply(client, file);
    const once = await rowsOf(db);
    await apply(client, file);
    expect(await rowsOf(db), file).toEqual(once);
    if (file.startsWith('010')) await client.query(fixture('rows_after_010.sql'));
    if (file.startsWith('031_rename')) await client.query(fixture('rows_after_031.sql'));
  }
});
