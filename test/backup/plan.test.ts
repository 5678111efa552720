import { describe, expect, test } from 'vitest';
import type { DatabaseFacts, RelationFact } from '../../src/backup/facts.ts';
import { type BackupRequest, dumpArguments, type Machine, planBackup } from '../../src/backup/plan.ts';

const MB = 1024 * 1024;

function table(name: string, more: Partial<RelationFact> = {}): RelationFact {
  return {
    schema: 'public',
    name,
    kind: 'r',
    bytes: MB,
    estimatedRows: 10,
    canSelect: true,
    isFiltered: false,
    isForced: false,
    isOwned: true,
    owner: 'app_owner',
    ...more,
  };
}

function facts(relations: readonly RelationFact[], more: Partial<DatabaseFacts> = {}): DatabaseFacts {
  return {
    serverVersion: '15.18',
    serverMajor: 15,
    systemIdentifier: '1',
    database: 'app',
    encoding: 'UTF8',
    collation: 'C',
    ctype: 'C',
    owner: 'app_owner',
    role: { name: 'app_owner', superuser: false, bypassRls: false },
    now: '2026-11-27T00:00:00.000Z',
    lsn: '0/0',
    relations,
    sequences: [],
    extensions: [],
    roles: [],
    largeObjects: { count: 0, unreadable: 0 },
    invalidIndexes: [],
    foreignKeys: [],
    subscriptions: 0,
    ledger: null,
    otherDumps: [],
    ...more,
  };
}

const FULL: BackupRequest = {
  class: 'on-demand',
  kind: 'full',
  tables: [],
  excludeSchemas: [],
  jobs: undefined,
  format: undefined,
};
const MACHINE: Machine = { cpus: 8, freeBytes: 1024 * MB };

describe('the format', () => {
  test('is one file for a small database and a folder with connections for a big one', () => {
    expect(planBackup(FULL, facts([table('a')]), MACHINE)).toMatchObject({ format: 'custom', jobs: 1 });
    const big = facts([table('a', { bytes: 100 * MB })]);
    expect(planBackup(FULL, big, MACHINE)).toMatchObject({ format: 'directory', jobs: 4 });
    expect(planBackup(FULL, big, { ...MACHINE, cpus: 1 }).jobs).toBe(1);
    expect(planBackup({ ...FULL, jobs: 7 }, big, MACHINE).jobs).toBe(7);
    expect(planBackup({ ...FULL, kind: 'schema' }, big, MACHINE).format).toBe('custom');
  });
});

describe('the space that is needed', () => {
  const big = facts([table('a', { bytes: 1000 * MB })]);

  test('is half of the tables, as long as no backup tells better', () => {
    expect(planBackup(FULL, big, { cpus: 1, freeBytes: 601 * MB }).problems).toEqual([]);
    expect(planBackup(FULL, big, { cpus: 1, freeBytes: 590 * MB }).problems).toMatchObject([
      { message: 'the store has 590 MB left and the backup will take about 500 MB' },
    ]);
  });

  test('is what the last backup took, for as much more as the tables have grown', () => {
    const last = { bytes: 100 * MB, tableBytes: 500 * MB, dumpMs: 5_000, restoreMs: 8_000 };
    expect(planBackup(FULL, big, { cpus: 1, freeBytes: 250 * MB }, last)).toMatchObject({
      estimatedBytes: 200 * MB,
      estimatedMs: 10_000,
      estimatedRestoreMs: 16_000,
      estimatedBy: 'last backup',
      problems: [],
    });
    expect(planBackup(FULL, big, { cpus: 1, freeBytes: 230 * MB }, last).problems).toHaveLength(1);
  });
});

test('the time is guessed by the size, as long as no backup tells better', () => {
  const plan = planBackup(FULL, facts([table('a', { bytes: 300_000_000 })]), MACHINE);
  expect(plan).toMatchObject({ estimatedMs: 10_000, estimatedRestoreMs: undefined, estimatedBy: 'size' });
  const empty = { bytes: 100, tableBytes: 0, dumpMs: 5, restoreMs: undefined };
  expect(planBackup(FULL, facts([table('a')]), MACHINE, empty)).toMatchObject({ estimatedBy: 'size' });
});

describe('what stands against it', () => {
  test('is all of it', () => {
    const relations = [
      table('hidden', { canSelect: false, owner: 'other' }),
      table('counter', { kind: 'S', canSelect: false, owner: 'other' }),
      table('filtered', { isFiltered: true, isOwned: false }),
      table('forced', { isFiltered: true, isForced: true }),
      table('view', { kind: 'm', canSelect: false }),
    ];
    const plan = planBackup(
      { ...FULL, excludeSchemas: ['typo'] },
      facts(relations, { largeObjects: { count: 5, unreadable: 2 } }),
      { cpus: 1, freeBytes: 0 },
    );
    expect(plan.problems.map(({ message }) => message)).toEqual([
      'there is no schema typo with tables to leave out',
      'no permission to read the table public.hidden, which belongs to other',
      'no permission to read the sequence public.counter, which belongs to other',
      'row-level security hides rows of public.filtered from app_owner',
      'row-level security hides rows of public.forced from app_owner, its owner, because it is forced',
      'no permission to read 2 of 5 large objects',
      'the store has 0 B left and the backup will take about 1.5 MB',
    ]);
  });

  test('is not what a schema that is left out holds', () => {
    const relations = [table('a'), table('secret', { schema: 'vault', canSelect: false })];
    expect(planBackup({ ...FULL, excludeSchemas: ['vault'] }, facts(relations), MACHINE).problems).toEqual([]);
  });

  test('is neither row-level security nor a sequence where no rows are wanted', () => {
    const relations = [table('a', { isFiltered: true }), table('s', { kind: 'S', canSelect: false })];
    expect(planBackup({ ...FULL, kind: 'schema' }, facts(relations), MACHINE).problems).toEqual([]);
  });
});

describe('what is left out', () => {
  test('is named with its reason, and is never nothing', () => {
    const relations = [
      table('a'),
      table('objects', { schema: 'storage' }),
      table('remote', { kind: 'f' }),
      table('summary', { kind: 'm' }),
    ];
    const plan = planBackup(
      { ...FULL, excludeSchemas: ['storage'] },
      facts(relations, {
        extensions: [{ name: 'supabase_vault', version: '1', schema: 'vault' }],
        invalidIndexes: ['public.broken'],
        subscriptions: 1,
      }),
      MACHINE,
    );
    const list = plan.leftOut.map(({ what }) => what);
    expect(list).toEqual([
      'passwords and settings of roles',
      'settings of the database (ALTER DATABASE ... SET)',
      'statistics of the planner',
      'schema storage',
      'rows of public.remote',
      'rows of public.summary',
      'the indexes public.broken',
      'the connection of subscriptions',
      'the files of Supabase Storage',
      'the key of the Vault',
    ]);
    expect(planBackup(FULL, facts([]), MACHINE).leftOut.length).toBeGreaterThan(0);
  });
});

describe('the arguments of pg_dump', () => {
  const where = { path: '/store/x/dump', snapshot: '0-1', lockWaitMs: 5000, compression: 3 };

  test('never leave anything out without a word', () => {
    const args = dumpArguments(planBackup(FULL, facts([table('a')]), MACHINE), where);
    expect(args).toEqual([
      '--verbose',
      '--format=custom',
      '--compress=3',
      '--file=/store/x/dump',
      '--snapshot=0-1',
      '--lock-wait-timeout=5000',
    ]);
  });

  test('quote names that are patterns, and choose tables by leaving out the rows of others', () => {
    const relations = [table('a'), table('It"s*?'), table('x', { schema: 'S.%' })];
    const request: BackupRequest = { ...FULL, kind: 'tables', tables: ['a'], excludeSchemas: ['S.%'] };
    const args = dumpArguments(planBackup(request, facts(relations), MACHINE), { ...where, lockWaitMs: 0 });
    expect(args).toEqual([
      '--verbose',
      '--format=custom',
      '--compress=3',
      '--file=/store/x/dump',
      '--snapshot=0-1',
      '--no-blobs',
      '--exclude-schema="S.%"',
      '--exclude-table-data="public"."It""s*?"',
    ]);
  });
});

describe('a table is found by', () => {
  const relations = [table('a'), table('a', { schema: 'other' }), table('B.c', { schema: 'X' })];
  test.each([
    ['a', ['public.a']],
    ['public.a', ['public.a']],
    ['"public"."a"', ['public.a']],
    ['other.a', ['other.a']],
    ['X.B.c', ['X.B.c']],
    ['B.c', ['X.B.c']],
    ['b.c', []],
  ])('%s', (name, expected) => {
    const { tables } = planBackup({ ...FULL, kind: 'tables', tables: [name] }, facts(relations), MACHINE);
    expect(tables.map((found) => `${found.schema}.${found.name}`)).toEqual(expected);
  });
});

test('another pg_dump, an empty database and an invalid index are worth a warning', () => {
  const otherDumps = [{ pid: 7, role: 'ops', application: 'pg_dump', since: 'noon', relations: [] }];
  const plan = planBackup(FULL, facts([], { otherDumps, invalidIndexes: ['public.i'] }), MACHINE);
  expect(plan.warnings).toEqual([
    'another pg_dump runs in this database: pid 7, role ops, since noon',
    'this database has no table',
    'the index public.i is invalid: no backup holds it',
  ]);
});
