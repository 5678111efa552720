/** @module-tag since-13 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject, type Project } from '../commands/project.ts';
import type { TestDatabase } from '../support/database.ts';
import { expect, test } from '../support/pack-database.ts';

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

/** Writes the file, with smaller batches and longer pauses: it is made to be changed like that. */
async function convert(project: Project, table: string, by: string, ...options: string[]): Promise<string> {
  const written = await project.run('partitions', 'convert', table, '--by', by, ...options);
  expect(written.code, written.stderr).toBe(0);
  const file = join(project.dir, /wrote (\S+),/.exec(written.stdout)![1]!);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/integer := 5000/g, 'integer := 100').replace(/precision := 0.01/, 'precision := 0.05'),
  );
  return written.stdout;
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

const EVENTS = `"My ""s %"."ev'ents $convert$ ünï"`;

/** Everything that can hang on a table, under names that break what does not quote them. */
async function plant(db: TestDatabase): Promise<void> {
  await db.query(`
    create schema "My ""s %";
    set search_path = "My ""s %", public;
    create table "ow'ners" (id int primary key);
    insert into "ow'ners" select generate_series(1, 9);
    create table ${EVENTS} (
      gone int, part smallint default 1, "a ""b" int generated by default as identity (start 5 increment 5),
      "at %" timestamp, "co de" text collate "C", owner int references "ow'ners", parent int, seq serial,
      twice int generated always as (owner * 2) stored, doc jsonb default '{"a": "\\n''"}',
      primary key (part, "a ""b"), constraint "code %" unique ("co de"), constraint "code at" unique ("co de", "at %"),
      constraint "some %s" check (part < 9), unique (seq, "at %", part));
    alter table ${EVENTS} drop column gone;
    alter table ${EVENTS} add constraint not_yet check (owner <> 3) not valid;
    alter table ${EVENTS} add constraint "self ref" foreign key (part, parent) references ${EVENTS};
    create index "x USING y" on ${EVENTS} (lower("co de")) where "co de" <> 'a
b; $convert$';
    comment on table ${EVENTS} is 'it''s %';
    comment on index "x USING y" is 'i %';
    create table readers (part smallint, event int, foreign key (part, event) references ${EVENTS});
    alter table readers enable row level security;
    create policy "of events" on readers using (exists (select from ${EVENTS} where "a ""b" = event));
    alter table ${EVENTS} enable row level security;
    create policy "own ""rows" on ${EVENTS} for select to anon, authenticated using (owner < 5);
    create policy narrow on ${EVENTS} as restrictive to public using (true) with check (part > 0);
    grant select ("co de", part), insert on ${EVENTS} to anon;
    grant select on ${EVENTS} to authenticated with grant option;
    create function touch() returns trigger language plpgsql as $$ begin new.doc := '{"touched": 1}'; return new; end $$;
    create trigger "touch %" before update on ${EVENTS} for each row execute function touch();
    create trigger off before insert on ${EVENTS} for each row execute function touch();
    alter table ${EVENTS} disable trigger off;
    create view "v %" with (security_barrier) as select *, "co de" || 'a
 b' as odd from ${EVENTS};
    create materialized view counts as select count(*) from ${EVENTS};
    insert into ${EVENTS} (part, "at %", "co de", owner)
    select 1 + n % 3, '2026-01-10'::timestamp + n * interval '1 day', 'c' || n, 1 + n % 2 from generate_series(1, 300) n;
    insert into ${EVENTS} (part, "at %", "co de", owner) values (1, 'infinity', 'end', 1), (2, '1812-01-01', 'old', 1);
    insert into readers select part, "a ""b" from ${EVENTS} limit 5;
  `);
}

/** What a table is to those who use it: by name, so that it says the same of another one called so. */
const FACE = `
  select json_build_object(
    'columns', (select json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated, a.attidentity,
        a.attcollation, case when a.attidentity = '' then pg_get_expr(d.adbin, d.adrelid) end) order by a.attnum)
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'comment', obj_description(c.oid), 'owner', c.relowner, 'acl', c.relacl::text,
    'column acl', (select json_agg(a.attacl::text) from pg_attribute a where a.attrelid = c.oid and a.attacl is not null),
    'rls', c.relrowsecurity, 'forced', c.relforcerowsecurity,
    'policies', (select json_agg(to_jsonb(p) - 'schemaname' order by policyname) from pg_policies p where format('%I.%I', schemaname, tablename)::regclass = c.oid),
    'triggers', (select json_agg(json_build_array(tgname, tgenabled, pg_get_triggerdef(oid)) order by tgname) from pg_trigger where tgrelid = c.oid and not tgisinternal),
    'checks', (select json_agg(json_build_array(conname, pg_get_constraintdef(oid)) order by conname) from pg_constraint where conrelid = c.oid and contype = 'c'),
    'keys', (select json_agg(json_build_array(conname, pg_get_constraintdef(oid)) order by conname) from pg_constraint where conrelid = c.oid and contype = 'f'),
    'indexes', (select json_object_agg(x.relname, json_build_array(i.indisunique, obj_description(x.oid),
      substr(pg_get_indexdef(x.oid), strpos(pg_get_indexdef(x.oid), 'USING btree')))) from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid)
  ) as face from pg_class c where c.oid = $1::regclass`;

test('all that hangs on a table hangs on its partitioned successor, under hostile names; what cannot is named', async ({
  db,
}) => {
  await plant(db);
  const face = async () => (await db.superQuery<{ face: Record<string, unknown> }>(FACE, [EVENTS]))[0]!.face;
  const before = await face();
  const content = () =>
    db.superQuery(`select part, "a ""b", "at %", "co de", owner, seq, twice, doc from ${EVENTS} order by 1, 2`);
  const rows = await content();
  const project = await makeProject({}, { env: db.env });
  const name = `My "s %.ev'ents $convert$ ünï`;
  const dry = await project.report('partitions', 'convert', name, '--by', 'at %', '--interval', 'quarter', '--dry-run');
  expect(dry.data).toMatchObject({ dryRun: true, rows: 302, outside: 2, file: null });
  const said = await convert(project, name, 'at %', '--interval', 'quarter');
  for (const lost of [
    /"My ""s %".readers.readers_part_event_fkey .*\n.*it is dropped/,
    /self ref .*\n.*it is dropped/,
    /code % .*\n.*not unique any more/,
    /materialized view .*counts/,
    /primary key \(part, a "b\) becomes/,
  ])
    expect(said).toMatch(lost);
  const run = await project.run('migrate');
  expect(run.code, run.stderr).toBe(0);

  const { indexes, keys, ...rest } = await face();
  const { indexes: _was, keys: hadKeys, ...had } = before;
  expect(rest).toEqual(had);
  expect(keys).toEqual((hadKeys as string[][]).filter(([key]) => key !== 'self ref'));
  expect(indexes).toMatchObject({
    'code %': [false, null, expect.stringContaining('("co de")')],
    'code at': [true, null, expect.stringContaining('("co de", "at %")')],
    'x USING y': [false, 'i %', expect.stringContaining('lower("co de")')],
  });
  expect(await content()).toEqual(rows);
  // Each follows the table, not the name that the old one has now.
  await db.superQuery(`insert into ${EVENTS} (part, "at %", owner) values (8, '2026-02-02', 1), (8, '2026-02-03', 1)`);
  expect(await db.superQuery(`select "a ""b" from ${EVENTS} where part = 8 order by 1`)).toEqual([
    { 'a "b': 1515 },
    { 'a "b': 1520 },
  ]);
  expect(await db.superQuery(`select count(*)::int, max(odd) from "My ""s %"."v %"`)).toEqual([
    { count: 304, max: 'olda\n b' },
  ]);
  const [policy] = await db.superQuery<{ text: string }>(
    "select pg_get_expr(polqual, polrelid) as text from pg_policy where polname = 'of events'",
  );
  expect(policy!.text).not.toContain('_unpartitioned');
  // Nobody but the owner reaches the old table or a partition.
  expect(
    await db.superQuery(`select relname from pg_class where relnamespace = '"My ""s %"'::regnamespace and relname ~ 'ev.ents' and relkind = 'r'
      and (relacl::text ~ 'anon|authenticated' or not relrowsecurity)`),
  ).toEqual([]);
  expect((await project.report('partitions')).findings).toEqual([
    expect.objectContaining({ check: 'partition-default-fills', metric: 2 }),
  ]);
});

test('a truncated table is truncated in the copy as well', async ({ db }) => {
  await db.query(`create table t (id int primary key, at date not null);
    insert into t select n, '2026-01-01'::date + n % 90 from generate_series(1, 2000) n`);
  const project = await makeProject({}, { env: db.env });
  await convert(project, 'public.t', 'at');
  const run = project.start('migrate');
  await run.stderrContains('notice: 500 rows copied');
  await db.superQuery(
    'begin; insert into t values (9001, now()); truncate t; insert into t values (9002, now()), (7, now()); commit',
  );
  expect((await run.done).code).toBe(0);
  expect(await db.superQuery('select id from t order by 1')).toEqual([{ id: 7 }, { id: 9002 }]);
});

test('what is not the same is not swapped: nobody notices, and it can be given up as the file says', async ({ db }) => {
  await db.query(`create table t (id int primary key, at date not null);
    insert into t select n, '2026-01-01'::date + n % 90 from generate_series(1, 1000) n`);
  const project = await makeProject({}, { env: db.env });
  await convert(project, 'public.t', 'at');
  const run = project.start('migrate');
  await run.stderrContains('notice: 500 rows copied');
  await db.superQuery('delete from t_partitioned where id = 3');
  const { code, stderr } = await run.done;
  expect([code, stderr]).toEqual([8, expect.stringContaining('1000 rows in the table, 999 in its twin')]);
  const text = readFileSync(join(project.dir, 'sql', '001_partition_t.sql'), 'utf8');
  const undo = [...text.matchAll(/^-- {3}((?:drop|alter) .*;)$/gm)].map(([, statement]) => statement);
  await db.query(undo.join('\n'));
  expect(
    await db.superQuery(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
    ),
  ).toEqual([{ relname: 't' }]);
  await db.query('insert into t values (0, now())');
});

test('what stands against it is said at once, and nothing is written', async ({ db }) => {
  await db.query(`create table t (id int, at timestamptz, what text); insert into t values (1, null);
    create table t_changes (); create table p (at date) partition by range (at)`);
  const project = await makeProject({}, { env: db.env });
  const said = async (...args: string[]) => {
    const { code, stderr } = await project.run('partitions', 'convert', ...args);
    expect(code).toBe(2);
    return stderr;
  };
  const problems = await said('public.t', '--by', 'at');
  expect(problems).toContain('it has no primary key');
  expect(problems).toContain('1 row without a "at"');
  expect(problems).toContain('would make "t_changes"');
  expect(await said('public.t', '--by', 'what')).toContain('of type text, not date');
  expect(await said('public.t', '--by', 'no')).toContain('it has id, at, what');
  expect(await said('public.p', '--by', 'at')).toContain('partitioned already');
  expect(await said('public.no', '--by', 'at')).toContain('no table is called public.no');
  expect(await said('public.t', '--by', 'at', '--interval', 'hour')).toContain(
    'one of day, week, month, quarter, year',
  );
  expect(await said('public.t', '--by', 'at', '--since', 'soon')).toContain('is not a date');
  expect(await said('public.t')).toContain('needs one table and --by');
});
