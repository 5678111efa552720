import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textTypeSql } from '../../src/backup/extension-stubs.ts';
import { serializeManifest } from '../../src/backup/manifest.ts';
import { planStubs } from '../../src/backup/plan-stubs.ts';
import { hashFiles, readStore } from '../../src/backup/store.ts';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { realBinDir } from './fake-tools.ts';
import { backupProject } from './fixture.ts';

/** Extensions of a Supabase project that no plain server has, as it has them, and one that nobody knows. */
const SUPABASE = [
  { name: 'pg_graphql', version: '1.5.11', schema: 'graphql' },
  { name: 'pg_net', version: '0.14.0', schema: 'extensions' },
  { name: 'pg_cron', version: '1.6.4', schema: 'pg_catalog' },
  { name: 'pgjwt', version: '0.2.0', schema: 'extensions' },
  { name: 'pgsodium', version: '3.1.8', schema: 'pgsodium' },
  { name: 'supabase_vault', version: '0.3.1', schema: 'vault' },
  { name: 'vector', version: '0.8.0', schema: 'extensions' },
] as const;
const UNKNOWN = { name: 'acme "geo" 100%', version: '1', schema: 'Acme "x"' };

/** Members of vector and of the unknown one that no stub has; what belongs to them is not part of a dump. */
const MEMBERS = `
  create access method hnsw type index handler hashhandler;
  create function extensions.vector_hash(extensions.vector) returns int language sql immutable as $$ select hashtext($1::text) $$;
  create operator extensions.= (leftarg = extensions.vector, rightarg = extensions.vector, function = extensions.same);
  create operator class extensions.vector_cosine_ops default for type extensions.vector using hnsw as
    operator 1 extensions.=, function 1 extensions.vector_hash(extensions.vector);
  alter extension vector add access method hnsw;
  alter extension vector add function extensions.vector_hash(extensions.vector);
  alter extension vector add function extensions.same(extensions.vector, extensions.vector);
  alter extension vector add operator extensions.= (extensions.vector, extensions.vector);
  alter extension vector add operator class extensions.vector_cosine_ops using hnsw;
  alter extension vector add operator family extensions.vector_cosine_ops using hnsw;
`;
const UNKNOWN_MEMBERS = `
  ${textTypeSql('"Acme ""x""".shape', '"Acme ""x""".shape')}
  create function "Acme ""x""".area("Acme ""x""".shape) returns int language sql immutable as $$ select length($1::text) $$;
  alter extension "acme ""geo"" 100%" add type "Acme ""x""".shape;
  alter extension "acme ""geo"" 100%" add function "Acme ""x""".shape_in(cstring);
  alter extension "acme ""geo"" 100%" add function "Acme ""x""".shape_out("Acme ""x""".shape);
  alter extension "acme ""geo"" 100%" add function "Acme ""x""".area("Acme ""x""".shape);
  grant execute on function "Acme ""x""".area("Acme ""x""".shape) to anon;
`;

/** What a project has made of them. */
const SCHEMA = `
  create table public.docs (id int primary key, embedding extensions.vector(3), half extensions.halfvec(2)[],
    secret uuid references vault.secrets, token text default extensions.sign('{}', 'x'));
  insert into public.docs (id, embedding) select i, ('[' || i || ',2,3]')::extensions.vector from generate_series(1, 100) i;
  create index docs_near on public.docs using hnsw (embedding);
  alter table public.docs enable row level security;
  create policy "near %s" on public.docs using (embedding operator(extensions.<->) '[1,2,3]' < 5);
  create view public.nearest as select id from public.docs order by embedding operator(extensions.<=>) '[0,0,0]' limit 3;
  create view public.cast_away as select array[1, 2]::real[]::extensions.vector(2) as v, embedding::real[] as r from public.docs;
  create function public.call_out() returns trigger language plpgsql as $$ begin perform net.http_post('https://x'); return new; end $$;
  create trigger call_out after insert on public.docs for each row execute function public.call_out();
  create view public.secrets as select name, decrypted_secret from vault.decrypted_secrets;
  create function public.graphql(text) returns jsonb begin atomic select graphql.resolve($1); end;
  create table public.place (id int, at "Acme ""x""".shape not null);
  insert into public.place select i, ('circle ' || i)::"Acme ""x""".shape from generate_series(1, 50) i;
  create view public."area's" as select id, "Acme ""x""".area(at) as area from public.place;
  create view public.on_top as select max(area) from public."area's";
  grant select on public."area's" to anon;
`;

test('extensions that the scratch server lacks are stubs, what they keep from being compared is named one by one, and what is wrong is still found', async ({
  db,
}) => {
  const project = await supabaseProject(db);
  const taken = await project.run('backup', '--dump-format', 'directory', '--restore', '--format', 'json');
  expect(taken.code, taken.stderr).toBe(0);
  const [verification] = taken.json().data.verifications;
  expect(verification).toMatchObject({ verified: true, differences: [] });
  const names = [...SUPABASE.map(({ name }) => name), UNKNOWN.name];
  expect([...verification.notRestored].sort()).toEqual(
    [
      ...names.map((name) => `extension ${name}, which the server does not have: a stub took its place`),
      'index public.docs_near, whose access method hnsw the server does not have',
      `view public.area's: function Acme "x".area("Acme ""x""".shape) does not exist`,
      `view public.on_top: relation "public.area's" does not exist`,
    ].sort(),
  );
  const told = await project.run('backup', 'verify', 'latest', '--restore');
  expect(told.code, told.stderr).toBe(0);
  expect(told.stdout).toContain('index public.docs_near, whose access method hnsw the server does not have');

  await db.superQuery(
    `drop policy "near %s" on public.docs; update public.docs set embedding = '[7,7,7]' where id = 7; update public.place set at = 'square' where id = 3`,
  );
  await dumpAnew(project, db);
  const wrong = await project.run('backup', 'verify', 'latest', '--restore', '--format', 'json');
  expect(wrong.code, wrong.stderr).toBe(10);
  const found = wrong.json().data.verifications[0].differences.map(({ object }: { object: string }) => object);
  expect(found.sort()).toEqual(['policy public.docs "near %s"', 'table public.docs', 'table public.place']);
});

test('rows that cannot be restored without an extension leave a good backup what it was, and are named', async ({
  db,
}) => {
  const project = await supabaseProject(db);
  await db.superQuery(`create function "Acme ""x""".next_id() returns int language sql as 'select 1';
    alter extension "acme ""geo"" 100%" add function "Acme ""x""".next_id();
    create table public.drawn (id int default "Acme ""x""".next_id(), other int); insert into public.drawn values (1), (2);
    alter table public.drawn owner to app_owner; grant execute on function "Acme ""x""".next_id() to app_owner`);
  const taken = await project.run('backup');
  expect(taken.code, taken.stderr).toBe(0);
  const run = await project.run('backup', 'verify', 'latest', '--restore');
  expect(run.code).toBe(11);
  expect(run.stderr).toContain('cannot be proved here: the scratch server has no extension acme "geo" 100%');
  expect(run.stderr).toContain('table public.drawn: 2 rows');
  expect(run.stderr).toContain('function Acme "x".next_id() does not exist');
  expect((await project.run('backup', 'list')).stdout).toContain('unverified');
});

/** A database of a project on Supabase, as far as a dump can tell. */
async function supabaseProject(db: TestDatabase): Promise<Project> {
  const catalog = ['extensions', 'vault'].map((schema) => {
    return { kind: 'schema', name: schema, schema, definition: 'owner app_owner; grants none' };
  });
  await db.superQuery(planStubs([...SUPABASE, UNKNOWN], [], catalog).sql);
  await db.superQuery(`grant usage on schema extensions to public; grant usage on schema vault to anon;
    create extension pgcrypto schema extensions; grant execute on function extensions.armor(bytea) to anon`);
  await db.superQuery(`create function extensions.same(extensions.vector, extensions.vector) returns boolean language sql immutable
    as $$ select $1::text = $2::text $$`);
  await db.superQuery(MEMBERS);
  await db.superQuery(UNKNOWN_MEMBERS);
  await db.superQuery(`insert into vault.secrets (name, secret) values ('it''s', 'ciphertext');
    insert into cron.job (schedule, command, username) values ('0 3 * * *', 'vacuum', 'app_owner');
    grant select on all tables in schema vault, cron, net, pgsodium to app_owner, app_dumper; grant references on vault.secrets to app_owner;
    grant usage on schema vault to app_owner, app_dumper; grant select on all sequences in schema cron, net, pgsodium, graphql to app_dumper`);
  return backupProject(db, SCHEMA);
}

/** The dump of what is there now, in the place of the one that was taken; its manifest fits it. */
async function dumpAnew({ dir }: Project, { superUrl }: TestDatabase): Promise<void> {
  const { path, manifest } = readStore(join(dir, '.aisha-db/backups')).backups.at(-1)!;
  rmSync(join(path, 'dump'), { recursive: true });
  const args = ['--format=directory', `--file=${join(path, 'dump')}`, superUrl];
  const { status, stderr } = spawnSync(join(realBinDir()!, 'pg_dump'), args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  writeFileSync(join(path, 'manifest.json'), serializeManifest({ ...manifest, files: await hashFiles(path) }));
}
