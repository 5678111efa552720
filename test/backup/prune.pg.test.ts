import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestHash, recordVerification, type StoredBackup, whileInUse } from '../../src/backup/store.ts';
import { makeProject, type Project } from '../commands/project.ts';
import { storedBackup } from './stored-backup.ts';

const DAY = 86_400_000;

interface Stored {
  readonly project: Project;
  readonly store: string;
  /** From the oldest: 90, 60, 30 and 0 days ago. */
  readonly backups: readonly StoredBackup[];
}

/** Four daily backups; the one of 60 days ago is the last that was proved. */
async function fourBackups(): Promise<Stored> {
  const project = await makeProject({});
  const store = join(project.dir, 'a store');
  mkdirSync(store);
  const backups: StoredBackup[] = [];
  for (const days of [90, 60, 30, 0]) {
    const createdAt = new Date(Date.now() - days * DAY - 60_000).toISOString();
    backups.push(await storedBackup(store, `daily-${days}`, createdAt));
  }
  recordVerification(backups[1]!, {
    manifestSha256: manifestHash(backups[1]!),
    verified: true,
    at: new Date().toISOString(),
    serverVersion: '15.18',
    restoreMs: 1,
    tables: 1,
    differences: [],
    notRestored: [],
  });
  return { project, store, backups };
}

async function idsOf({ project, store }: Stored): Promise<string[]> {
  const { data } = await project.report('backup', 'list', '--store', store);
  return data.backups.map(({ id }: { id: string }) => id);
}

describe('prune', () => {
  test('shows what would go and why the rest stays, and deletes it only when told', async () => {
    const stored = await fourBackups();
    const { project, store } = stored;
    const shown = await project.run('backup', 'prune', '--store', store);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout).toMatchInlineSnapshot(`
      "would delete 2 of 4 backups; --yes does it

              backup    why
      ------  --------  ------------------------------
      delete  daily-90  older than 7 days
      keep    daily-60  the last verified daily backup
      delete  daily-30  older than 7 days
      keep    daily-0   kept for 7 days
      "
    `);
    expect(await idsOf(stored)).toHaveLength(4);
    const { data } = await project.report('backup', 'prune', '--store', store, '--yes');
    expect(data.deleted).toEqual(['daily-90', 'daily-30']);
    expect(await idsOf(stored)).toEqual(['daily-60', 'daily-0']);
    expect((await project.report('backup', 'prune', '--store', store, '--yes')).data.deleted).toEqual([]);
  });

  test('leaves a pinned backup and one that is being read', async () => {
    const stored = await fourBackups();
    const { project, store, backups } = stored;
    expect((await project.run('backup', 'pin', 'daily-90', '--store', store)).stdout).toContain('pinned');
    await whileInUse(store, backups[2]!, async () => {
      expect((await project.report('backup', 'prune', '--store', store, '--yes')).data.deleted).toEqual([]);
    });
    await project.run('backup', 'unpin', 'daily-90', '--store', store);
    const { data } = await project.report('backup', 'prune', '--store', store, '--yes');
    expect(data.deleted).toEqual(['daily-90', 'daily-30']);
  });

  test('goes by the days of the configuration', async () => {
    const stored = await fourBackups();
    await stored.project.write({ 'aisha-db.config.json': '{ "backup": { "keepDays": { "daily": 75 } } }' });
    const { data } = await stored.project.report('backup', 'prune', '--store', stored.store, '--yes');
    expect(data.deleted).toEqual(['daily-90']);
  });
});

test('the list fits into 80 columns and says what it has to in JSON', async () => {
  const { project, store } = await fourBackups();
  await storedBackup(store, '20261127T095407Z-pre-migration-fc2eda');
  const { stdout } = await project.run('backup', 'list', '--store', store);
  expect(stdout).toContain('20261127T095407Z-pre-migration-fc2eda  unverified  ');
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  const { data } = await project.report('backup', 'list', '--store', store);
  expect(Object.keys(data.backups[1]).slice(0, 8)).toEqual([
    'id',
    'class',
    'state',
    'createdAt',
    'sizeBytes',
    'path',
    'verifiedAt',
    'expiresAt',
  ]);
  expect(data.backups[1]).toMatchObject({ state: 'verified', verifiedAt: expect.stringMatching(/^\d{4}-/) });
});

test('an action that does not exist is refused with what was meant', async () => {
  const project = await makeProject({});
  const { code, stderr } = await project.run('backup', 'lst');
  expect(code).toBe(2);
  expect(stderr).toContain('backup has no action "lst"');
  expect(stderr).toContain('Did you mean list?');
});
