import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe } from 'vitest';
import { readRuns, readStore } from '../../src/backup/store.ts';
import type { Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { startS3 } from '../support/s3-server.ts';
import { backupProject } from './fixture.ts';
import { restoredDatabases } from './restored.ts';

const databases = restoredDatabases();

const SECRET = 'nobody may read this 4711';
const SCHEMA = `create table public.a (id int primary key, note text); insert into public.a values (1, '${SECRET}');
  create table public."b %" as select '${SECRET} too' as text`;

/** A project whose backups are encrypted, with the identity in a file that no configuration names. */
async function encryptedProject(db: TestDatabase, more: Readonly<Record<string, unknown>> = {}): Promise<Project> {
  const project = await backupProject(db, SCHEMA);
  const identity = await generateX25519Identity();
  const recipients = [await identityToRecipient(identity)];
  await project.write({
    'key.txt': `# created: today\n${identity}\n`,
    'aisha-db.config.json': JSON.stringify({ backup: { encrypt: true, recipients, compression: 0, ...more } }),
  });
  return project;
}

const store = (project: Project) => join(project.dir, '.aisha-db/backups');

/** Every file below the store, whoever made it. */
function filesOf(project: Project): string[] {
  return readdirSync(store(project), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readableFiles(project: Project): string[] {
  return filesOf(project).filter((file) => readFileSync(file).includes(SECRET));
}

describe.each(['custom', 'directory'])('an encrypted backup in the format %s', (format) => {
  test('holds nothing that can be read, and is proved, restored and exported with its key only', async ({ db }) => {
    const project = await encryptedProject(db);
    const created = await project.run('backup', 'create', '--dump-format', format);
    expect(created.code, created.stderr).toBe(0);
    expect(readableFiles(project)).toEqual([]);
    const [backup] = readStore(store(project)).backups;
    const paths = backup!.manifest.files.map(({ path }) => path);
    expect(paths.every((path) => path.endsWith('.age'))).toBe(true);
    for (const path of paths) expect(statSync(join(backup!.path, path)).mode & 0o77).toBe(0);
    const { data } = await project.report('backup', 'list');
    expect(data.backups).toMatchObject([{ encrypted: true, state: 'unverified' }]);
    // The hashes need no key.
    expect((await project.run('backup', 'verify')).code).toBe(0);
    const name = databases.name('encrypted');
    const needKey = [
      ['backup', 'verify', 'latest', '--restore'],
      ['restore', 'latest', '--into', name],
      ['restore', 'latest', '--into', name, '--plan'],
      ['restore', 'latest', '--table', 'public.a'],
      ['restore', 'latest', '--table', 'public.a', '--plan'],
      ['backup', 'export', 'latest', '--to', 'plain.sql'],
    ];
    // The key is asked for before the format matters.
    for (const args of format === 'directory' ? needKey : needKey.slice(0, 1)) {
      const refused = await project.run(...args);
      expect(refused.code, args.join(' ')).toBe(2);
      expect(refused.stderr).toContain('is encrypted, and no identity is named');
      expect(refused.stderr).toContain(`the identity of age1`);
    }
    const proved = await project.run('backup', 'verify', 'latest', '--restore', '--identity', 'key.txt');
    expect(proved.code, proved.stderr).toBe(0);
    expect((await project.run('restore', 'latest', '--into', name, '--identity', 'key.txt')).code).toBe(0);
    expect(await databases.query(name, 'select note from public.a')).toEqual([{ note: SECRET }]);
    await db.query('delete from public.a');
    const merged = await project.run(
      ...['restore', 'latest', '--table', 'public.a', '--merge', 'missing', '--yes', '--identity', 'key.txt'],
    );
    expect(merged.code, merged.stderr).toBe(0);
    expect(await db.query('select note from public.a')).toEqual([{ note: SECRET }]);
    const exported = await project.run('backup', 'export', 'latest', '--to', 'plain.sql', '--identity', 'key.txt');
    expect(exported.code, exported.stderr).toBe(0);
    expect(readFileSync(join(project.dir, 'plain.sql'), 'utf8')).toContain(SECRET);
    expect(readableFiles(project)).toEqual([]);
    expect(readRuns(store(project))).toEqual([]);
  });
});

describe('encryption', () => {
  test('without a key for the proof is refused before anything is dumped', async ({ db }) => {
    const project = await encryptedProject(db);
    const refused = await project.run('backup', 'create', '--class', 'weekly');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('encrypted and proved by a restore, and no identity is named');
    await project.write({ 'other.txt': await generateX25519Identity() });
    const foreign = await project.run('backup', 'create', '--restore', '--identity', 'other.txt');
    expect(foreign.code).toBe(2);
    expect(foreign.stderr).toMatch(/no identity of \S+other\.txt opens/);
    await project.write({ 'sql/001_a.sql': 'create table public.c (id int)' });
    expect((await project.run('migrate')).stderr).toContain('nothing was applied, because the backup before it failed');
    expect(readStore(store(project)).backups).toEqual([]);
    const proved = await project.run('backup', 'create', '--class', 'weekly', '--identity', 'key.txt');
    expect(proved.code, proved.stderr).toBe(0);
    expect(proved.stdout).toContain('proved by a restore');
  });

  test('is asked for by an option, and left out by one', async ({ db }) => {
    const project = await encryptedProject(db, { encrypt: false });
    const plan = await project.run('backup', 'create', '--encrypt', '--plan');
    expect(plan.stdout).toMatch(/^encryption +age, for age1/m);
    expect((await project.run('backup', 'create', '--encrypt')).code).toBe(0);
    expect(readableFiles(project)).toEqual([]);
    expect((await project.run('backup')).code).toBe(0);
    expect(readableFiles(project)).not.toEqual([]);
    const list = await project.run('backup', 'list');
    expect(list.stdout).toMatch(/encrypted/);
    await project.write({ 'aisha-db.config.json': JSON.stringify({ backup: { encrypt: true } }) });
    const refused = await project.run('backup');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is nobody to encrypt the backup for');
  });

  test('that is killed in its middle leaves nothing listed, and nothing readable after the next run', async ({
    db,
  }) => {
    const project = await encryptedProject(db);
    await db.query(
      `create table public.large as select repeat('${SECRET}', 20000) || i as text from generate_series(1, 150) i`,
    );
    const run = project.start('backup');
    const sealing = () => filesOf(project).some((file) => file.includes('.in-progress') && file.endsWith('.age'));
    await expect.poll(() => existsSync(store(project)) && sealing(), { timeout: 60_000, interval: 2 }).toBe(true);
    run.kill('SIGKILL');
    await run.done;
    expect(readStore(store(project)).backups).toEqual([]);
    expect(readableFiles(project)).not.toEqual([]);
    const next = await project.run('backup');
    expect(next.code, next.stderr).toBe(0);
    expect(next.stderr).toContain('cleared away what the run');
    expect(readableFiles(project)).toEqual([]);
    expect(readStore(store(project)).backups).toHaveLength(1);
  });

  test('that is damaged, or opened with another key, is told as that', async ({ db }) => {
    const project = await encryptedProject(db);
    expect((await project.run('backup')).code).toBe(0);
    await project.write({ 'other.txt': await generateX25519Identity() });
    const foreign = await project.run('backup', 'verify', 'latest', '--restore', '--identity', 'other.txt');
    expect(foreign.code).toBe(10);
    expect(foreign.stderr).toMatch(/catalog\.json\.age cannot be decrypted/);
    expect(foreign.stderr).not.toContain('AGE-SECRET-KEY');
    // A wrong key says nothing about the backup.
    expect((await project.report('backup', 'list')).data.backups).toMatchObject([{ state: 'unverified' }]);
    const [backup] = readStore(store(project)).backups;
    const file = join(backup!.path, 'dump.custom.age');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const damaged = await project.run('restore', 'latest', '--into', databases.name('x'), '--identity', 'key.txt');
    expect(damaged.code).toBe(10);
    expect(damaged.stderr).toContain('dump.custom.age has other content than it had');
    expect(readRuns(store(project))).toEqual([]);
  });

  test('is kept on the way to external storage, with the manifest, and on the way back', async ({ db }) => {
    const s3 = await startS3();
    const remote = { url: `s3://${s3.bucket}/crm`, endpoint: s3.endpoint };
    const project = await encryptedProject(db, { remote });
    const id = (await project.report('backup')).data.backups[0].id;
    await project.write({
      '.env': Object.entries(s3.env)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    });
    const pushed = await project.run('backup', 'push', id);
    expect(pushed.code, pushed.stderr).toBe(0);
    const objects = readdirSync(join(s3.folder, 'crm', id)).filter((name) => name.endsWith('._S3rver_object'));
    // What is encrypted already is stored as it is.
    expect(objects.map((name) => name.replace('._S3rver_object', '')).sort()).toEqual([
      'catalog.json.age',
      'dump.custom.age',
      'manifest.json.age',
      'stored.json',
    ]);
    expect((await project.run('backup', 'verify', '--remote')).code).toBe(0);
    expect((await project.run('backup', 'fetch', id, '--store', 'other')).stderr).toContain('no identity is named');
    const fetched = await project.run('backup', 'fetch', id, '--store', 'other', '--identity', 'key.txt');
    expect(fetched.code, fetched.stderr).toBe(0);
    const proved = await project.run(
      ...['backup', 'verify', id, '--store', 'other', '--restore', '--identity', 'key.txt'],
    );
    expect(proved.code, proved.stderr).toBe(0);
  });
});
