import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, test, vi } from 'vitest';
import { hashFiles, publish, readRuns, readStore, type StoredBackup } from '../../src/backup/store.ts';
import { verifyFiles } from '../../src/backup/verify.ts';
import { makeProject, type Project } from '../commands/project.ts';
import { writeFiles } from '../support/folder.ts';
import { type S3Server, startS3 } from '../support/s3-server.ts';
import { MANIFEST, storedBackup } from './stored-backup.ts';

// Several runs of the program and a server in each: as patient as with a database.
vi.setConfig({ testTimeout: 120_000 });

const NEVER = new AbortController().signal;
const SECRET = 'Wrong/Secret+Key 100%';

/** A user's folder with a store and a place for copies. */
interface Place {
  readonly project: Project;
  readonly s3: S3Server;
  readonly store: string;
  readonly backup: StoredBackup;
  /** Path of an object's content on the server. */
  readonly object: (name: string) => string;
  configure(remote: Readonly<Record<string, unknown>>): Promise<void>;
}

async function place(checksSignatures = false): Promise<Place> {
  const s3 = await startS3(checksSignatures);
  const project = await makeProject({}, { env: s3.env });
  const identity = await generateX25519Identity();
  await project.write({ 'key.txt': `# created: today\n${identity}\n` });
  const store = join(project.dir, '.aisha-db/backups');
  const backup = await storedBackup(store);
  const base = { url: `s3://${s3.bucket}/prod/crm`, endpoint: s3.endpoint, identityFile: 'key.txt' };
  const recipients = [await identityToRecipient(identity)];
  const configure = (remote: Readonly<Record<string, unknown>>) =>
    project.write({
      'aisha-db.config.json': JSON.stringify({ backup: { remote: { ...base, recipients, ...remote } } }),
    });
  await configure({});
  const object = (name: string) => join(s3.folder, 'prod/crm/b1', `${name}._S3rver_object`);
  return { project, s3, store, backup, object, configure };
}

/** Puts a backup away, so that it can be fetched. */
async function lose({ store }: Place): Promise<void> {
  rmSync(join(store, 'b1'), { recursive: true });
  expect(readStore(store).backups).toEqual([]);
}

describe('a copy', () => {
  test('is encrypted, read back, listed, verified without a key, and comes back with it as it was', async () => {
    const here = await place();
    const { project, store } = here;
    const pushed = await project.run('backup', 'push');
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(pushed.stdout).toContain('stored 1 backup');
    const sealed = readFileSync(here.object('dump/1.dat.gz.age'));
    expect(sealed.toString()).toMatch(/^age-encryption\.org\/v1\n/);
    expect(sealed.toString()).not.toContain('rows of a table');
    const listed = await project.report('backup', 'list', '--remote');
    expect(listed.data.copies).toMatchObject([
      { id: 'b1', class: 'daily', encrypted: true, url: `s3://${here.s3.bucket}/prod/crm/b1` },
    ]);
    rmSync(join(project.dir, 'key.txt'));
    expect((await project.run('backup', 'verify', '--remote')).stdout).toContain('every object is as it was stored');
    // Where nothing but the bucket is left.
    await lose(here);
    expect((await project.run('backup', 'fetch', 'b1')).stderr).toContain('key.txt cannot be read');
    writeFileSync(join(project.dir, 'key.txt'), '# no key\n');
    expect((await project.run('backup', 'fetch', 'b1')).stderr).toContain('is no identity file of age');
    expect(readStore(store)).toMatchObject({ backups: [], damaged: [] });
  });

  test('comes back as it was, manifest and all, and is unverified until it is restored', async () => {
    const here = await place();
    const { project, store, backup } = here;
    expect((await project.run('backup', 'push')).code).toBe(0);
    const manifest = readFileSync(join(backup.path, 'manifest.json'), 'utf8');
    await lose(here);
    const fetched = await project.run('backup', 'fetch');
    expect(fetched.code, fetched.stderr).toBe(0);
    const [found] = readStore(store).backups;
    expect(found).toMatchObject({ state: 'unverified', manifest: { id: 'b1' } });
    expect(await verifyFiles(found!, NEVER)).toEqual([]);
    expect(readFileSync(join(store, 'b1/manifest.json'), 'utf8')).toBe(manifest);
    expect(readRuns(store)).toEqual([]);
    const again = await project.run('backup', 'fetch');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('the backup b1 is in the store already');
  });

  test('larger than a part goes and comes in pieces', async () => {
    const here = await place();
    const large = randomBytes(18 * 1024 * 1024 + 7);
    rmSync(here.backup.path, { recursive: true });
    const folder = join(here.store, '.in-progress/large');
    await writeFiles(folder, { 'dump/large.dat': large, 'catalog.json': '[]\n' });
    publish(here.store, folder, { ...MANIFEST, files: await hashFiles(folder) });
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    await lose(here);
    expect((await here.project.run('backup', 'fetch')).code).toBe(0);
    expect(readFileSync(join(here.store, 'b1/dump/large.dat')).equals(large)).toBe(true);
  });

  test('is readable only when that was asked for', async () => {
    const here = await place();
    await here.configure({ recipients: [] });
    const refused = await here.project.run('backup', 'push');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is nobody to encrypt the copy for');
    expect((await here.project.run('backup', 'push', '--no-encrypt')).code).toBe(0);
    expect(readFileSync(here.object('dump/1.dat.gz'), 'utf8')).toBe('rows of a table');
    await lose(here);
    rmSync(join(here.project.dir, 'key.txt'));
    expect((await here.project.run('backup', 'fetch')).code).toBe(0);
  });

  test('is opened by no other identity', async () => {
    const here = await place();
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    await lose(here);
    await here.project.write({ 'other.txt': await generateX25519Identity() });
    const { code, stderr } = await here.project.run('backup', 'fetch', '--identity', 'other.txt');
    expect(code, stderr).toBe(10);
    expect(stderr).toMatch(/prod\/crm\/b1\/\S+ cannot be decrypted/);
    expect(stderr).not.toContain('AGE-SECRET-KEY');
    expect(readStore(here.store)).toMatchObject({ backups: [], damaged: [] });
    expect(readRuns(here.store)).toEqual([]);
  });
});

describe('a copy that has changed is found, with and without a key:', () => {
  const CHANGES: readonly (readonly [string, (here: Place) => void, string])[] = [
    ['a bit', ({ object }) => flip(object('dump/1.dat.gz.age')), 'dump/1.dat.gz.age has other content than it had'],
    ['a byte more', ({ object }) => appendFileSync(object('catalog.json.age'), '\0'), 'bytes and had'],
    ['one object for another', ({ object }) => swap(object('dump/1.dat.gz.age'), object('dump/2.dat.gz.age')), 'dump/'],
    ['an object that is gone', ({ object }) => rmSync(object('dump/toc.dat.age')), 'dump/toc.dat.age is missing'],
    ['the manifest', ({ object }) => flip(object('manifest.json.age')), 'manifest.json.age has other content'],
    ['the marker', ({ object }) => edit(object('stored.json'), '"daily"', '"weekly"'), 'stored.json is damaged'],
  ];
  test.each(CHANGES)('%s', async (_name, change, says) => {
    const here = await place();
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    change(here);
    const verified = await here.project.run('backup', 'verify', '--remote');
    expect(verified.code).toBe(10);
    expect(verified.stderr).toContain(says);
    await lose(here);
    expect((await here.project.run('backup', 'fetch')).code).toBe(10);
    expect(readStore(here.store)).toMatchObject({ backups: [], damaged: [] });
    expect(readRuns(here.store)).toEqual([]);
  });

  test('an object that nobody stored', async () => {
    const here = await place();
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    for (const name of readdirSync(join(here.s3.folder, 'prod/crm/b1/dump')).filter((file) =>
      file.startsWith('1.dat'),
    )) {
      const dump = join(here.s3.folder, 'prod/crm/b1/dump');
      writeFileSync(join(dump, name.replace('1.dat', '9.dat')), readFileSync(join(dump, name)));
    }
    expect((await here.project.run('backup', 'verify', '--remote')).stderr).toContain(
      'dump/9.dat.gz.age does not belong to the copy',
    );
  });
});

describe('what is cut, refused or wrong is told by its cause, and nothing half is ever listed:', () => {
  test('the connection is cut again and again; the next push makes it whole', async () => {
    const here = await place();
    here.s3.cut(100, 900);
    const { code, stderr } = await here.project.run('backup', 'push');
    expect(code).toBe(10);
    expect(stderr).toContain(`s3://${here.s3.bucket}/prod/crm at ${here.s3.endpoint} cannot be`);
    expect(stderr).toContain('the connection failed');
    here.s3.cut(0, 0);
    const list = await here.project.run('backup', 'list', '--remote');
    expect(list.stdout).toContain('no copy in');
    expect(list.code).toBe(here.s3.folder && readdirSync(here.s3.folder).length > 0 ? 1 : 0);
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    const whole = await here.project.run('backup', 'list', '--remote');
    expect(whole.code).toBe(0);
    expect(whole.stdout).toContain('1 copy in');
  });

  test.each([
    ['encrypted', []],
    ['readable', ['--no-encrypt']],
  ])('a push that is killed goes on from what is there and whole, %s', async (_name, args) => {
    const here = await place();
    const large = { 'dump/a.dat': randomBytes(1024 * 1024), 'dump/b.dat': randomBytes(16 * 1024 * 1024) };
    rmSync(here.backup.path, { recursive: true });
    const folder = join(here.store, '.in-progress/large');
    await writeFiles(folder, { ...large, 'catalog.json': '[]\n' });
    publish(here.store, folder, { ...MANIFEST, files: await hashFiles(folder) });
    const run = here.project.start('backup', 'push', ...args);
    const ending = args.length === 0 ? '.age' : '';
    const first = here.object(`dump/a.dat${ending}`);
    const records = () => (existsSync(join(here.store, '.pushes')) ? readdirSync(join(here.store, '.pushes')) : []);
    // The second file has begun, and takes a while.
    await expect
      .poll(() => (records().length > 0 ? readFileSync(join(here.store, '.pushes', records()[0]!), 'utf8') : ''), {
        timeout: 30_000,
        interval: 5,
      })
      .toContain('dump/a.dat');
    run.kill('SIGKILL');
    await run.done;
    expect((await here.project.run('backup', 'list', '--remote')).stdout).toContain('no copy in');
    const before = statSync(first).ino;
    const next = await here.project.run('backup', 'push', ...args);
    expect(next.code, next.stderr).toBe(0);
    expect(next.stderr).toMatch(/[12] of 4 files were there already, and are whole/);
    expect(statSync(first).ino).toBe(before);
    expect(records()).toEqual([]);
    expect((await here.project.run('backup', 'verify', '--remote')).code).toBe(0);
    await lose(here);
    expect((await here.project.run('backup', 'fetch')).code).toBe(0);
    expect(readFileSync(join(here.store, 'b1/dump/b.dat')).equals(large['dump/b.dat'])).toBe(true);
  });

  test('an object that was changed since an interrupted push is stored again', async () => {
    const here = await place();
    expect((await here.project.run('backup', 'push', '--no-encrypt')).code).toBe(0);
    flip(here.object('dump/1.dat.gz'));
    const again = await here.project.run('backup', 'push', '--no-encrypt');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('were there already');
    expect((await here.project.run('backup', 'verify', '--remote')).code).toBe(0);
  });

  test('an upload that was never finished', async () => {
    const here = await place();
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    for (const end of ['object', 'object.md5', 'metadata.json']) {
      rmSync(here.object('stored.json').replace('._S3rver_object', `._S3rver_${end}`), { force: true });
    }
    const list = await here.project.run('backup', 'list', '--remote');
    expect(list.code).toBe(1);
    expect(list.stdout).toContain('is an upload that was never finished');
    expect((await here.project.run('backup', 'fetch')).stderr).toContain('there is no copy of latest');
  });

  test('the connection is cut once on the way back: it is read again', async () => {
    const here = await place();
    expect((await here.project.run('backup', 'push', '--no-encrypt')).code).toBe(0);
    await lose(here);
    here.s3.cut(1, 700);
    const { code, stderr } = await here.project.run('backup', 'fetch');
    expect(code, stderr).toBe(0);
    expect(await verifyFiles(readStore(here.store).backups[0]!, NEVER)).toEqual([]);
  });

  test.each([
    ['an unknown key', { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: SECRET }, {}, 'refuses these credentials'],
    ['no bucket', {}, { url: 's3://no-such-bucket' }, 'there is no such bucket'],
    ['no server', {}, { endpoint: 'http://127.0.0.1:1' }, 'the connection failed'],
  ])('%s', async (_name, env, remote, says) => {
    const here = await place();
    await here.configure(remote);
    const project = { ...(await makeProject({}, { env: { ...here.s3.env, ...env } })) };
    const config = readFileSync(join(here.project.dir, 'aisha-db.config.json'), 'utf8');
    await project.write({ 'aisha-db.config.json': config });
    for (const args of [
      ['push', '--store', here.store],
      ['list', '--remote'],
    ]) {
      const { code, stderr, stdout } = await project.run('backup', ...args);
      expect(code, stderr).toBe(10);
      expect(stderr).toContain(says);
      expect(stderr + stdout).not.toContain(SECRET);
    }
  });

  test('a wrong secret', async () => {
    const here = await place(true);
    expect((await here.project.run('backup', 'push')).code).toBe(0);
    const project = await makeProject(
      { '.env': `AWS_SECRET_ACCESS_KEY='${SECRET}'` },
      { env: { AWS_ACCESS_KEY_ID: 'S3RVER' } },
    );
    const to = ['--no-encrypt', '--to', `s3://${here.s3.bucket}`, '--store', here.store];
    await project.write({
      'aisha-db.config.json': JSON.stringify({ backup: { remote: { endpoint: here.s3.endpoint } } }),
    });
    const { code, stderr } = await project.run('backup', 'push', ...to);
    expect(code).toBe(10);
    expect(stderr).toContain('the server refuses these credentials');
    expect(stderr).toContain('SignatureDoesNotMatch, HTTP 403');
    expect(stderr).not.toContain(SECRET);
  });

  test('a backup that is not as it was written', async () => {
    const here = await place();
    flip(join(here.backup.path, 'dump/1.dat.gz'));
    const { code, stderr } = await here.project.run('backup', 'push');
    expect(code).toBe(10);
    expect(stderr).toContain('the file dump/1.dat.gz of the backup is not as it was written');
    expect((await here.project.run('backup', 'list', '--remote')).stdout).toContain('no copy in');
  });

  test.each([
    ['no place', ['push', '--to', 'ftp://x'], 'ftp://x names no external storage'],
    ['two at once', ['fetch', 'b1', 'b2'], 'fetch brings one backup'],
  ])('%s', async (_name, args, says) => {
    const here = await place();
    const { code, stderr } = await here.project.run('backup', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

function swap(one: string, other: string): void {
  renameSync(one, `${one}.free`);
  renameSync(other, one);
  renameSync(`${one}.free`, other);
}
