/** @module-tag since-13 */

import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { openClient } from '../../src/diagnostics/stage/database.ts';
import { createStageRoles } from '../../src/diagnostics/stage/roles.ts';
import { startScratchServer } from '../../src/postgres/scratch-server.ts';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, test } from '../support/database.ts';
import { findPgDump, serverMajor } from '../support/pg-dump.ts';
import { testServer } from '../support/server.ts';
import { serverPrograms } from '../support/server-versions.ts';
import { backupProject, createDumper, dumperUrl, EVERYTHING, urlAs } from './fixture.ts';
import { restoredDatabases } from './restored.ts';
import { storeOf } from './store-content.ts';

const databases = restoredDatabases();

/** Folder of a pg_dump that reads the server of this run. */
const FITTING = findPgDump();
/** Folder of one that does not: Debian 12 has 15 only. */
const OLDER = findPgDump((major) => major > 0 && major < serverMajor());

const MISSING = 'no pg_dump reads this version here: scripts/newer-clients.sh fetches one';

const SCHEMA = `${EVERYTHING}
  create extension pg_trgm schema public;
  create view public."odd ""v"" %" as
    select t."a b", (select count(*) from public.tenant where tenant.id = t."Ü%s"[1]) as n, 't.x' as text
    from "Odd ""schema"" 100% </script>"."it's a.Table*" t where t."a b" <> 'it''s t."a b"';
  create index invoice_words on public.invoice using gin ((data ->> 'n') public.gin_trgm_ops);
`;

if (OLDER !== undefined) {
  test('without a pg_dump that reads this version the command that installs one is named', {
    tags: ['each-build'],
  }, async ({ db }) => {
    const project = await backupProject(db, 'create table public.a (id int)');
    await useTools(project, OLDER);
    const { code, stderr } = await project.run('backup');
    expect(code).toBe(11);
    expect(stderr).toContain(`no pg_dump was found that can read a server of version ${serverMajor()}`);
    expect(stderr).toContain('which is too old');
    expect(stderr).toContain(`apt-get install postgresql-client-${serverMajor()}`);
    expect(storeOf(project)).toEqual([]);
  });

  test('a backup of an older server comes back on this version, equal', { tags: ['each-build'] }, async ({ db }) => {
    const source = await startScratchServer({ settings: { wal_level: 'minimal', max_wal_senders: '0' } });
    try {
      const password = testServer().password;
      const admin = await openClient(source.url('postgres'));
      await createStageRoles(admin, { password, versionNumber: Number.parseInt(source.version, 10) * 10_000 });
      await createDumper(admin, password);
      await admin.query('create database crm owner app_owner');
      await admin.end();
      const owner = await openClient(urlAs({ ...source, name: 'crm' }, 'app_owner', password));
      await owner.query(SCHEMA);
      await owner.end();
      const project = await makeProject({}, { env: { DATABASE_URL: dumperUrl({ ...source, name: 'crm' }) } });
      await useTools(project, OLDER);
      const taken = await project.run('backup', '--dump-format', 'directory');
      expect(taken.code, taken.stderr).toBe(0);
      const into = databases.name('from an "older" one');
      const run = await project.run(
        'restore',
        'latest',
        '--into',
        into,
        '--database-url',
        dumperUrl(db),
        '--format',
        'json',
      );
      expect(run.code, run.stderr).toBe(0);
      expect(run.json().data.restore).toMatchObject({ database: into, differences: [], notRestored: [] });
      expect(await databases.query(into, PROTECTION)).toEqual(PROTECTED);
    } finally {
      await source.stop();
    }
  });
}

test('a backup is taken, proved by a restore and restored, and another pg_dump sees no difference', {
  tags: ['each-build'],
}, async ({ db, skip }) => {
  if (FITTING === undefined && process.env['CI'] !== undefined) throw new Error(MISSING);
  if (FITTING === undefined) return skip(MISSING);
  await db.query(SCHEMA);
  const scratch = await scratchPrograms();
  // Found along PATH, among others.
  const env = { DATABASE_URL: dumperUrl(db), PATH: [dirname(FITTING), process.env['PATH']].join(delimiter) };
  const project = await makeProject({ 'aisha-db.config.json': JSON.stringify({ backup: scratch }) }, { env });
  const taken = await project.run('backup', '--dump-format', 'directory', '--restore', '--format', 'json');
  expect(taken.code, taken.stderr).toBe(0);
  expect(taken.json().data.verifications).toMatchObject([{ verified: true, differences: [], notRestored: [] }]);
  // Named in the configuration.
  await useTools(project, FITTING, scratch);
  const into = databases.name('ünï "copy" 100%');
  const run = await project.run('restore', 'latest', '--into', into, '--format', 'json');
  expect(run.code, run.stderr).toBe(0);
  expect(run.json().data.restore).toMatchObject({ database: into, differences: [], notRestored: [] });
  expect(await databases.query(into, PROTECTION)).toEqual(PROTECTED);
  expect(dumpOf(FITTING, into)).toBe(dumpOf(FITTING, db.name));
});

/** Server programs of the version of this run. */
async function scratchPrograms(): Promise<Readonly<Record<string, string>>> {
  const major = process.env['AISHA_TEST_PG'];
  return major ? { serverBinDir: (await serverPrograms(major)).binDir } : {};
}

/** Names the programs of a pg_dump's folder in the configuration. */
function useTools(project: Project, program: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const backup = { binDir: dirname(program), ...more };
  return project.write({ 'aisha-db.config.json': JSON.stringify({ backup }) });
}

const PROTECTION = `
  select c.relrowsecurity as rls, c.relforcerowsecurity as forced, p.polname as policy,
    has_table_privilege('anon', c.oid, 'SELECT') as granted, (select count(*)::int from public.invoice) as rows
  from pg_class c join pg_policy p on p.polrelid = c.oid where c.oid = 'public.invoice'::regclass`;
const PROTECTED = [{ rls: true, forced: true, policy: "tenant's own", granted: true, rows: 500 }];

/** A database as plain SQL, without the key that is another each time. */
function dumpOf(program: string, database: string): string {
  const { host, port, superuser, superPassword } = testServer();
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: superuser,
    PGPASSWORD: superPassword,
    PGDATABASE: database,
  };
  const { status, stdout, stderr } = spawnSync(program, { env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout.replaceAll(/^\\(?:un)?restrict .*\n/gm, '');
}
