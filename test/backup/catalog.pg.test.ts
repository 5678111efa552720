import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { CatalogEntry } from '../../src/backup/compare.ts';
import { readTable } from '../../src/backup/contents.ts';
import { type Manifest, serializeManifest } from '../../src/backup/manifest.ts';
import { openReader } from '../../src/backup/snapshot-session.ts';
import { hashFile } from '../../src/backup/store.ts';
import { findServerBinaries } from '../../src/postgres/server-binaries.ts';
import { chooseServerUser } from '../../src/postgres/server-user.ts';
import type { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { backupProject } from './fixture.ts';
import { manifestOf } from './store-content.ts';

describe('the fingerprint of a table notices', () => {
  test.for([
    ['a changed value', "update t set b = 'x' where a = 3"],
    ['the values of two rows exchanged', 'update t set a = 7 - a where a in (3, 4)'],
    ['null in place of an empty text', "update t set b = null where b = ''"],
    ['json that is written otherwise', `update t set c = '{"x": 1 }' where a = 2`],
    ['one row in place of another', 'delete from t where a = 1; insert into t values (9)'],
    ['two values of one row exchanged', 'update t set d = e, e = d where a = 4'],
    ['a duplicated row in place of another', 'delete from t where a = 1; insert into t select * from t where a = 2'],
  ] as const)('%s', async ([, change], { db }) => {
    const types =
      change.includes('json') || change.includes('{')
        ? 'a int, b text, c json, d int, e int'
        : 'a int, b text, c jsonb, d int, e int';
    await db.query(
      `create table t (${types}); insert into t select i, case i when 5 then '' else 'b' || i end, '{"x":1}', i, -i from generate_series(1, 6) i`,
    );
    const session = await reader(db);
    await session.query('begin');
    const before = await readTable(session, { schema: 'public', name: 't' });
    expect(before.method).toBe('columns');
    await session.query('update public.t set a = a');
    expect(await readTable(session, { schema: 'public', name: 't' })).toEqual(before);
    await session.client.query(`set local search_path = public; ${change}; set local search_path = ''`);
    const after = await readTable(session, { schema: 'public', name: 't' });
    expect(after.fingerprint).not.toBe(before.fingerprint);
    await session.close();
  });
});

/** Types whose own hash is that of an oid, knows no case, or is not there. */
test('the fingerprint of a table is the same where types and tables have other oids', async ({ db }) => {
  const columns = 'a mood, b moods, c regclass, d point, e xml, f percent, g mood_pair, h bytea, "I %" timestamptz';
  const make = `create type mood as enum ('sad', 'ok'); create domain moods as mood; create domain percent as numeric;
    create type mood_pair as (x mood, n int); create table "T %s" (${columns});
    insert into "T %s" values ('ok', 'ok', '"T %s"', '(1,2)', '<a/>', 1.5, '(sad,3)', '\\x00ff', 'infinity'), (default, default, default, default, default, default, default, default, default)`;
  const session = await reader(db);
  const read = () => readTable(session, { schema: 'public', name: 'T %s' });
  await db.query(make);
  const before = await read();
  await db.query(`drop table "T %s"; drop type mood_pair; drop domain moods, percent; drop type mood; ${make}`);
  expect(await read()).toEqual(before);
  await db.query(`update "T %s" set a = 'sad' where a = 'ok'`);
  expect((await read()).fingerprint).not.toBe(before.fingerprint);
  await session.close();
});

test('a table with as many columns as there can be has a fingerprint', async ({ db }) => {
  const columns = Array.from({ length: 1600 }, (_, i) => `c${i} int2`).join(', ');
  await db.query(`create table wide (${columns}); insert into wide values (1)`);
  const session = await reader(db);
  expect(await readTable(session, { schema: 'public', name: 'wide' })).toMatchObject({ rows: 1, method: 'columns' });
  await session.close();
});

test('a restore that does not give back what was there is told in full, and the backup is suspect', async ({ db }) => {
  const project = await backupProject(db);
  await project.run('backup');
  await tamper(join(project.dir, '.aisha-db/backups', manifestOf(project).id), manifestOf(project));
  // By its bytes alone it is as it should be.
  expect((await project.run('backup', 'verify')).code).toBe(0);
  const run = await project.run('backup', 'verify', 'latest', '--restore', '--format', 'json');
  expect(run.code).toBe(10);
  const { verifications, backups } = run.json().data;
  expect(backups).toMatchObject([{ state: 'suspect', verifiedAt: null }]);
  expect(verifications[0].differences.map(({ object }: { object: string }) => object)).toEqual([
    'table public.invoice',
    'table public.tenant',
    'table public.gone',
    'large objects',
    'sequence public.ticket',
    'policy public.invoice "tenant\'s own"',
    'table public.invoice',
  ]);
  const list = await project.run('backup', 'list');
  expect(list.code).toBe(1);
  expect(list.stdout).toContain('failed its last verification');
  // A suspect backup is the newest one: nothing may be pruned.
  expect((await project.report('backup', 'prune', '--yes')).data.deleted).toEqual([]);
});

test('a backup is proved on the server that is given, of its own version or a newer one', async ({ db }) => {
  const project = await backupProject(db, 'create table public.a as select 1 as id');
  await project.run('backup');
  const given = findServerBinaries({ user: chooseServerUser() }).binDir;
  await configure(given);
  const run = await project.run('backup', 'verify', 'latest', '--restore');
  expect(run.code, run.stderr).toBe(0);
  await configure('no such folder');
  const missing = await project.run('backup', 'verify', 'latest', '--restore');
  expect(missing.code).toBe(11);
  expect(missing.stderr).toContain(`${join(project.dir, 'no such folder')}: no initdb`);
  // What could not be looked at says nothing about the backup.
  expect((await project.report('backup', 'list')).data.backups).toMatchObject([{ state: 'verified' }]);

  function configure(serverBinDir: string) {
    return project.write({ 'aisha-db.config.json': JSON.stringify({ backup: { serverBinDir } }) });
  }
});

/** As if the source had been another: what the restore brings back is not what the manifest promises. */
async function tamper(folder: string, manifest: Manifest): Promise<void> {
  const file = join(folder, 'catalog.json');
  const catalog = JSON.parse(await readFile(file, 'utf8')) as CatalogEntry[];
  const other = catalog.map((entry) => {
    if (entry.kind === 'policy') return { ...entry, definition: `${entry.definition} and more` };
    if (entry.kind !== 'table' || entry.name !== 'public.invoice') return entry;
    return { ...entry, definition: entry.definition.replace('row-level security forced', 'row-level security on') };
  });
  await writeFile(file, JSON.stringify(other));
  const tables = manifest.tables.map((table) => {
    if (table.name === 'invoice') return { ...table, rows: table.rows + 1 };
    return table.name === 'tenant' ? { ...table, fingerprint: '1' } : table;
  });
  const gone = { schema: 'public', name: 'gone', rows: 1, fingerprint: '1', method: 'record' as const };
  const hashed = await hashFile(folder, 'catalog.json');
  const changed: Manifest = {
    ...manifest,
    tables: [...tables, gone],
    largeObjects: { count: 3, fingerprint: '1' },
    sequences: manifest.sequences.map((one) => (one.name === 'ticket' ? { ...one, lastValue: '1' } : one)),
    files: manifest.files.map((one) => (one.path === 'catalog.json' ? hashed : one)),
  };
  await writeFile(join(folder, 'manifest.json'), serializeManifest(changed));
}

async function reader(db: TestDatabase): Promise<Session> {
  return openReader(resolveTarget({ databaseUrl: db.superUrl, env: {} }), 'aisha-db test');
}
