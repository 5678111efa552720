import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type pg from 'pg';
import { describe } from 'vitest';
import { compareRestored } from '../../src/backup/compare-restored.ts';
import { serializeManifest } from '../../src/backup/manifest.ts';
import { openReader } from '../../src/backup/snapshot-session.ts';
import { hashFiles, readStore, type StoredBackup } from '../../src/backup/store.ts';
import type { Session } from '../../src/postgres/session.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test, withDatabase } from '../support/database.ts';
import { realBinDir } from './fake-tools.ts';
import { backupProject } from './fixture.ts';

const NOTHING = { extensions: [], foreignKeys: [] };
const ODD = `"Odd ""schema"" 100% </script>"."it's a.Table*"`;

/** What a restore could lose or change, each on its own, with the object that has to be named. */
const CHANGES: readonly (readonly [sql: string, object: string])[] = [
  ['drop policy "tenant\'s own" on public.invoice', `policy public.invoice "tenant's own"`],
  ['alter policy "tenant\'s own" on public.invoice using (true)', `policy public.invoice "tenant's own"`],
  ['alter policy "tenant\'s own" on public.invoice to anon', `policy public.invoice "tenant's own"`],
  ['create policy more on public.invoice using (true)', 'policy public.invoice more'],
  ['alter table public.invoice disable row level security', 'table public.invoice'],
  ['alter table public.invoice no force row level security', 'table public.invoice'],
  ['revoke select on public.invoice from anon', 'table public.invoice'],
  ['grant insert on public.invoice to anon', 'table public.invoice'],
  ['grant select on public.invoice to anon with grant option', 'table public.invoice'],
  ['revoke select (slug) on public.tenant from anon', 'column public.tenant.slug'],
  ['alter table public.tenant owner to app_dumper', 'table public.tenant'],
  ['alter function public.touch() owner to app_dumper', 'function public.touch()'],
  ['grant usage on schema public to app_dumper', 'schema public'],
  [
    'alter default privileges for role app_owner in schema public revoke select on tables from anon',
    'default privileges r for app_owner in public',
  ],
  ['drop index public.invoice_tenant', 'index public.invoice_tenant'],
  [
    'drop index public.invoice_tenant; create index invoice_tenant on public.invoice (tenant_id)',
    'index public.invoice_tenant',
  ],
  [
    'alter table public.invoice drop constraint invoice_tenant_id_fkey',
    'constraint public.invoice invoice_tenant_id_fkey',
  ],
  ['alter table public.tenant drop constraint tenant_slug_key', 'constraint public.tenant tenant_slug_key'],
  ['alter table public.invoice alter total drop default', 'column public.invoice.total'],
  ['alter table public.invoice alter total drop not null', 'column public.invoice.total'],
  ['alter table public.invoice add extra int', 'column public.invoice.extra'],
  ['drop trigger touch on public.invoice', 'trigger public.invoice touch'],
  ['alter table public.invoice disable trigger touch', 'trigger public.invoice touch'],
  [
    'create or replace function public.touch() returns trigger language plpgsql as $$ begin return null; end $$',
    'function public.touch()',
  ],
  ['alter function public.touch() security definer', 'function public.touch()'],
  ['alter function public.touch() set search_path = public', 'function public.touch()'],
  ['revoke execute on function public.touch() from public', 'function public.touch()'],
  ['alter view public.totals reset (security_barrier)', 'view public.totals'],
  ['alter view public.totals set (security_invoker = true)', 'view public.totals'],
  [
    'create or replace view public.totals with (security_barrier) as select tenant_id, max(total) as sum from public.invoice group by 1',
    'view definition public.totals',
  ],
  ["alter type public.status add value 'lost'", 'type public.status'],
  ['alter domain public.amount drop constraint amount_check', 'type public.amount'],
  ['alter sequence public.ticket increment -2', 'sequence settings public.ticket'],
  ["select setval('public.ticket', 1000, false)", 'sequence public.ticket'],
  ["select setval('public.invoice_id_seq', 499)", 'sequence public.invoice_id_seq'],
  ['alter table public.event detach partition public.event_2026', 'table public.event_2026'],
  ['create table public.more (id int)', 'table public.more'],
  [`drop table ${ODD}`, `table Odd "schema" 100% </script>.it's a.Table*`],
  ['delete from public.event where id = 100', 'table public.event_2026'],
  ['insert into public.nothing default values', 'table public.nothing'],
  [`update public.invoice set data = '{"n": 3}' where id = 3`, 'table public.invoice'],
  [`update ${ODD} set "a b" = "a b" || ' ' where "Ü%s"[1] = 7`, `table Odd "schema" 100% </script>.it's a.Table*`],
  ['select lo_unlink(max(oid)) from pg_largeobject_metadata', 'large objects'],
  ["select lo_put(max(oid), 0, 'other') from pg_largeobject_metadata", 'large objects'],
];

describe('the comparison after a restore', () => {
  test('finds nothing in what was restored, and each single thing that is not what it was, by its name', async ({
    db,
    maintenance,
  }) => {
    const backup = await takeBackup(await backupProject(db));
    await withDatabase(maintenance, undefined, async (restored) => {
      restore(join(backup.path, 'dump'), restored);
      const session = await readerOf(restored);
      expect(await compareIn(session, '', backup)).toEqual([]);
      const unnoticed: string[] = [];
      for (const [sql, object] of CHANGES) {
        const found = await compareIn(session, sql, backup);
        if (!found.includes(object)) unnoticed.push(`${sql}: ${found.join(', ') || 'nothing'}`);
      }
      await session.close();
      expect(unnoticed).toEqual([]);
    });
  });

  test('finds a table that the manifest passes over', async ({ db }) => {
    const backup = await takeBackup(await backupProject(db));
    const tables = backup.manifest.tables.filter(({ name }) => name !== 'invoice');
    const session = await readerOf(db);
    const blind = { ...backup, manifest: { ...backup.manifest, tables } };
    expect(await compareIn(session, '', blind)).toEqual(['table public.invoice']);
    await session.close();
  });
});

/** Damage that was there before the hashes were: bytes tell nothing, and pg_restore says nothing of it. */
test('what a damaged disk did to the dump before it was hashed is found by the restore, all at once', async ({
  db,
}) => {
  const project = await backupProject(db);
  for (const name of ['zero', 'short', 'swapped_a', 'swapped_b']) {
    await db.query(`create table public.${name} as select '${name} ' || i as text from generate_series(1, 100) i`);
  }
  const backup = await takeBackup(project);
  const files = dataFiles(join(backup.path, 'dump'));
  const at = (table: string): string => files.get(table)!;
  writeFileSync(at('zero'), gzipSync('\\.\n\n\n'));
  const rows = gunzipSync(readFileSync(at('short'))).toString();
  writeFileSync(at('short'), gzipSync(rows.replace('short 50\n', '')));
  copyFileSync(at('swapped_a'), join(project.dir, 'free'));
  renameSync(at('swapped_b'), at('swapped_a'));
  renameSync(join(project.dir, 'free'), at('swapped_b'));
  await rehash(backup);
  expect((await project.run('backup', 'verify')).code).toBe(0);
  expect(await suspects(project)).toEqual(
    ['zero', 'short', 'swapped_a', 'swapped_b'].sort().map((name) => `table public.${name}`),
  );
});

test('the dump of a database that lost its protection is found by the restore, all at once', async ({ db }) => {
  const project = await backupProject(db);
  const backup = await takeBackup(project);
  await db.superQuery(`
    drop policy "tenant's own" on public.invoice; alter table public.invoice disable row level security;
    revoke select (slug) on public.tenant from anon; alter function public.touch() owner to authenticated;
    update public.tenant set slug = 'other' where id = 7; drop index public.invoice_tenant
  `);
  rmSync(join(backup.path, 'dump'), { recursive: true });
  tool('pg_dump', '--format=directory', `--file=${join(backup.path, 'dump')}`, db.superUrl);
  await rehash(backup);
  expect(await suspects(project)).toEqual(
    expect.arrayContaining([
      `policy public.invoice "tenant's own"`,
      'table public.invoice',
      'column public.tenant.slug',
      'function public.touch()',
      'table public.tenant',
      'index public.invoice_tenant',
    ]),
  );
});

async function takeBackup(project: Project): Promise<StoredBackup> {
  const { code, stderr } = await project.run('backup', '--dump-format', 'directory');
  expect(code, stderr).toBe(0);
  return readStore(join(project.dir, '.aisha-db/backups')).backups.at(-1)!;
}

/** Objects that `verify --restore` names, after it has refused the backup. */
async function suspects(project: Project): Promise<string[]> {
  const run = await project.run('backup', 'verify', 'latest', '--restore', '--format', 'json');
  expect(run.code, run.stderr).toBe(10);
  const [verification] = run.json().data.verifications;
  expect(verification.verified).toBe(false);
  return verification.differences.map(({ object }: { object: string }) => object).sort();
}

/** A manifest that fits whatever lies in the folder now. */
async function rehash({ path, manifest }: StoredBackup): Promise<void> {
  writeFileSync(join(path, 'manifest.json'), serializeManifest({ ...manifest, files: await hashFiles(path) }));
}

/** The file of each table's rows in a dump in directory format. */
function dataFiles(dump: string): Map<string, string> {
  const entries = tool('pg_restore', '--list', dump).matchAll(/^(\d+); \d+ \d+ TABLE DATA public (\S+) /gm);
  return new Map([...entries].map(([, id, table]) => [table!, join(dump, `${id}.dat.gz`)]));
}

function restore(dump: string, { superUrl }: TestDatabase): void {
  tool('pg_restore', '--exit-on-error', `--dbname=${superUrl}`, dump);
}

function tool(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(join(realBinDir()!, name), args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

function readerOf({ superUrl }: TestDatabase): Promise<Session> {
  return openReader(resolveTarget({ databaseUrl: superUrl, env: {} }), 'aisha-db test');
}

/** Objects that differ after a change, which is taken back. */
async function compareIn(session: Session, change: string, backup: StoredBackup): Promise<string[]> {
  const client: pg.Client = session.client;
  await client.query(`begin isolation level repeatable read; ${change}`);
  const differences = await compareRestored(session, backup, NOTHING, () => {});
  await client.query('rollback');
  return differences.map(({ object }) => object);
}
