import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifest, serializeManifest } from '../../src/backup/manifest.ts';
import {
  backupsInUse,
  beginRun,
  findBackup,
  readRuns,
  readStore,
  recordVerification,
  removeBackup,
  whileInUse,
} from '../../src/backup/store.ts';
import { recordDamage, verifyFiles } from '../../src/backup/verify.ts';
import { makeFolder } from '../support/folder.ts';
import { runCli } from '../support/run.ts';
import { MANIFEST, storedBackup } from './stored-backup.ts';

/** `processIdentity` of a process that has ended. */
const DEAD = '1:1:gone';

const NEVER = new AbortController().signal;

/** Something that can happen to a folder. */
type Corruption = (folder: string) => void;

const FILES = ['dump/toc.dat', 'dump/1.dat.gz', 'dump/2.dat.gz', 'catalog.json'];

function flip(file: string, at: number, bit: number): Corruption {
  return (folder) => {
    const path = join(folder, file);
    const bytes = readFileSync(path);
    const position = Math.floor(at * (bytes.length - 1));
    bytes[position] = bytes[position]! ^ (1 << bit);
    writeFileSync(path, bytes);
  };
}

const CORRUPTIONS: readonly (readonly [string, Corruption])[] = [
  ...FILES.flatMap((file) =>
    [0, 0.25, 0.5, 1].flatMap((at) =>
      [0, 7].map((bit) => [`bit ${bit} flipped at ${at} of ${file}`, flip(file, at, bit)] as const),
    ),
  ),
  ...FILES.flatMap((file): (readonly [string, Corruption])[] => [
    [`${file} cut to nothing`, (folder) => truncateSync(join(folder, file), 0)],
    [`${file} one byte short`, (folder) => truncateSync(join(folder, file), statSync(join(folder, file)).size - 1)],
    [`${file} one byte longer`, (folder) => appendFileSync(join(folder, file), '\0')],
    [`${file} missing`, (folder) => rmSync(join(folder, file))],
  ]),
  ['dump/blobs.toc missing', (folder) => rmSync(join(folder, 'dump/blobs.toc'))],
  ['the dump missing', (folder) => rmSync(join(folder, 'dump'), { recursive: true })],
  ['a file too many', (folder) => writeFileSync(join(folder, 'dump/3.dat.gz'), '')],
  [
    'a file copied over another',
    (folder) => copyFileSync(join(folder, 'dump/1.dat.gz'), join(folder, 'dump/2.dat.gz')),
  ],
  [
    'two files swapped',
    (folder) => {
      const [one, two, free] = ['dump/1.dat.gz', 'dump/2.dat.gz', 'free'].map((name) => join(folder, name));
      renameSync(one!, free!);
      renameSync(two!, one!);
      renameSync(free!, two!);
    },
  ],
  ['a file renamed', (folder) => renameSync(join(folder, 'dump/1.dat.gz'), join(folder, 'dump/9.dat.gz'))],
];

describe('a changed backup is never taken for a good one', () => {
  test('there are more than forty ways to change one', () => {
    expect(CORRUPTIONS.length).toBeGreaterThan(40);
  });

  test.each(CORRUPTIONS)('%s', async (_name, corrupt) => {
    const backup = await storedBackup(await makeFolder());
    expect(await verifyFiles(backup, NEVER)).toEqual([]);
    corrupt(backup.path);
    expect(await verifyFiles(backup, NEVER)).not.toEqual([]);
  });

  const EDITS: readonly (readonly [string, (text: string) => string])[] = [
    ['cut', (text) => text.slice(0, -20)],
    ['empty', () => ''],
    ['no JSON object', () => '[]'],
    ['with another class', (text) => text.replace('"daily"', '"quarterly"')],
    [
      'with another hash of a file',
      (text) => text.replace(/("path": "catalog.json",[^}]*"sha256": ").{8}/, '$100000000'),
    ],
    ['with another size of a file', (text) => text.replace('"bytes": 300', '"bytes": 299')],
    ['with other rows of a table', (text) => text.replace('"rows": 500', '"rows": 499')],
    ['with another fingerprint of a table', (text) => text.replace('"fingerprint": "77"', '"fingerprint": "78"')],
    ['without a table', (text) => text.replace(/"tables": \[[^\]]*\]/, '"tables": []')],
    ['without a file', (text) => text.replace(/ {4}\{\s*"path": "dump\/1.dat.gz"[^}]*\},\n/, '')],
    ['of another time', (text) => text.replace('"2026-11-27T00', '"2026-11-28T00')],
    ['with another hash of itself', (text) => text.replace(/"sha256": ".{8}/, '"sha256": "00000000')],
    ['of another backup', (text) => serializeManifest({ ...parseManifest(text, 'manifest.json'), id: 'b3' })],
    ['with one key less', (text) => text.replace(/ {2}"dumpMs": 5,\n/, '')],
    ['of a later format', (text) => text.replace('backup@1', 'backup@2')],
  ];
  test.each(EDITS)('a manifest %s', async (_name, edit) => {
    const store = await makeFolder();
    const { path } = await storedBackup(store);
    await storedBackup(store, 'b2');
    const file = join(path, 'manifest.json');
    const text = readFileSync(file, 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(file, edit(text));
    const { backups, damaged } = readStore(store);
    expect(backups.map(({ manifest }) => manifest.id)).toEqual(['b2']);
    expect(damaged).toMatchObject([{ path }]);
  });

  test('nor is a folder without a manifest, or a dump that is being written', async () => {
    const store = await makeFolder();
    const { path } = await storedBackup(store);
    rmSync(join(path, 'manifest.json'));
    beginRun(store, { id: 'b2', class: 'daily', database: 'x', applicationName: 'x' });
    expect(readStore(store)).toMatchObject({ backups: [], damaged: [{ path, reason: 'it has no manifest' }] });
  });
});

describe('the store', () => {
  test('lists backups by the time of their snapshot, whatever their names and file times', async () => {
    const store = await makeFolder();
    await storedBackup(store, 'a-newest', '2026-11-27T00:00:00.000Z');
    await storedBackup(store, 'z-oldest', '2026-01-01T00:00:00.000Z');
    expect(readStore(store).backups.map(({ manifest }) => manifest.id)).toEqual(['z-oldest', 'a-newest']);
  });

  test('finds a backup by its identifier, the beginning of it, and as the latest', async () => {
    const store = await makeFolder();
    await storedBackup(store, '20260101-a', '2026-01-01T00:00:00.000Z');
    await storedBackup(store, '20260101-ab', '2026-01-02T00:00:00.000Z');
    const content = readStore(store);
    expect(findBackup(content, '20260101-ab').manifest.id).toBe('20260101-ab');
    expect(findBackup(content, '20260101-a').manifest.id).toBe('20260101-a');
    expect(findBackup(content, 'latest').manifest.id).toBe('20260101-ab');
    expect(() => findBackup(content, '2026')).toThrow('2026 is not one backup');
    expect(() => findBackup(content, 'x')).toThrow('there is no backup x');
  });

  test('forgets a backup in one step', async () => {
    const store = await makeFolder();
    removeBackup(store, await storedBackup(store));
    expect(readStore(store)).toEqual({ backups: [], damaged: [], failures: [] });
    expect(readRuns(store)).toEqual([]);
  });

  test('knows the backups that somebody reads, for as long as he does', async () => {
    const store = await makeFolder();
    const backup = await storedBackup(store);
    await whileInUse(store, backup, () =>
      whileInUse(store, backup, async () => expect([...backupsInUse(store)]).toEqual(['b1'])),
    );
    expect([...backupsInUse(store)]).toEqual([]);
    expect(readRuns(store)).toEqual([]);
  });

  test('what a killed reader has left holds no backup, and goes with the next command', async () => {
    const dir = await makeFolder();
    const store = join(dir, '.aisha-db/backups');
    const backup = await storedBackup(store);
    await whileInUse(store, backup, async (folder) => {
      writeFileSync(join(folder, 'decrypted'), 'secret');
      const [record] = readRuns(store);
      const listed = await runCli(['backup', 'list'], { cwd: dir });
      expect(listed.stderr).not.toContain('cleared away');
      writeFileSync(`${folder}.json`, JSON.stringify({ ...record, owner: DEAD }));
      expect([...backupsInUse(store)]).toEqual([]);
      const { code, stderr } = await runCli(['backup', 'list'], { cwd: dir });
      expect(code).toBe(0);
      expect(stderr).toContain(`cleared away what the run ${record!.id} of ${record!.startedAt} had left`);
      expect(readdirSync(join(store, '.in-progress'))).toEqual([]);
    });
  });

  test('a verification counts only for the manifest that it was of', async () => {
    const store = await makeFolder();
    const backup = await storedBackup(store);
    const verification = { ...recordDamage(backup, []), verified: true };
    recordVerification(backup, verification);
    expect(readStore(store).backups).toMatchObject([{ state: 'verified' }]);
    recordVerification(backup, { ...verification, manifestSha256: createHash('sha256').digest('hex') });
    expect(readStore(store).backups).toMatchObject([{ state: 'unverified' }]);
  });
});

test('a manifest comes back as it was written', () => {
  expect(parseManifest(serializeManifest(MANIFEST), 'manifest.json')).toEqual(MANIFEST);
});
