import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../src/backup/manifest.ts';
import type { ReportedBackup } from '../../src/backup/report.ts';
import { type BackupClass, DEFAULT_MAX_AGE, DEFAULT_MAX_PROOF_AGE_MS } from '../../src/backup/settings.ts';
import { statusOf, statusResult } from '../../src/backup/status.ts';
import { MANIFEST } from './stored-backup.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-27T12:00:00.000Z');
const SCHEDULE = { maxAge: DEFAULT_MAX_AGE, maxProofAgeMs: DEFAULT_MAX_PROOF_AGE_MS };
const keyOf = ({ database }: Manifest) => `1/${database.name}`;

interface Given {
  readonly class?: BackupClass;
  /** Hours. */
  readonly age: number;
  readonly state?: ReportedBackup['state'];
  readonly kind?: Manifest['kind'];
  readonly restoreMs?: number;
  readonly database?: string;
}

function backup({ age, state = 'unverified', kind = 'full', restoreMs, database = 'app', ...given }: Given) {
  const createdAt = new Date(NOW - age * HOUR).toISOString();
  const backupClass = given.class ?? 'daily';
  const manifest: Manifest = {
    ...MANIFEST,
    id: `${backupClass}-${age}`,
    class: backupClass,
    kind,
    createdAt,
    database: { ...MANIFEST.database, name: database },
    files: [{ path: 'a', bytes: 1000, sha256: '' }],
  };
  const verified = state === 'verified';
  return {
    manifest,
    state,
    path: '',
    pinned: false,
    verifiedAt: verified ? createdAt : null,
    restoreMs: verified ? (restoreMs ?? 2_000) : null,
  } satisfies ReportedBackup;
}

type Failures = Parameters<typeof statusOf>[1];

function resultOf(given: readonly Given[], failures: Failures = [], schedule = SCHEDULE) {
  return statusResult(statusOf(given.map(backup), failures, keyOf, schedule, NOW), schedule);
}

function findingsOf(...args: Parameters<typeof resultOf>) {
  return (resultOf(...args).findings ?? []).map(({ severity, object, message }) => `${severity} ${object}: ${message}`);
}

describe('the line', () => {
  test('says when each class was verified last, the newest first, and what would be lost and how long it takes', () => {
    const { text } = resultOf([
      { age: 30, state: 'verified', restoreMs: 90_000 },
      { age: 6, state: 'verified', restoreMs: 62_000 },
      { age: 1 },
      { age: 72, class: 'weekly', state: 'verified' },
    ]);
    expect(text).toBe('last verified daily: 6 h ago, weekly: 3 d ago; RPO 6 h, RTO 1 min 2 s');
  });

  test('names the databases when there are several', () => {
    const { text } = resultOf([
      { age: 6, state: 'verified' },
      { age: 1, database: 'other' },
    ]);
    expect(text).toBe(
      'app: last verified daily: 6 h ago; RPO 6 h, RTO 2 s\nother: nothing is verified: what a restore would bring back is not known',
    );
  });
});

describe('nothing is wrong', () => {
  test.each<[string, readonly Given[]]>([
    ['with a daily backup that was proved in time', [{ age: 25, state: 'verified' }]],
    ['with one of which only the weekly one is proved', [{ age: 2 }, { age: 170, class: 'weekly', state: 'verified' }]],
    [
      'with old backups of classes without a schedule',
      [
        { age: 1, state: 'verified' },
        { age: 900, class: 'on-demand' },
      ],
    ],
    ['when the clock of the server is ahead', [{ age: -1, state: 'verified' }]],
  ])('%s', (_when, given) => {
    expect(findingsOf(given)).toEqual([]);
  });
});

describe('it is said', () => {
  test.each<[string, readonly Given[], readonly string[]]>([
    [
      'that the newest of a class is late',
      [
        { age: 27, state: 'verified' },
        { age: 193, class: 'weekly' },
      ],
      [
        'critical app daily: the newest is 1 d 3 h old, and may be 1 d 2 h',
        'critical app weekly: the newest is 8 d 1 h old, and may be 8 d',
      ],
    ],
    [
      'that there is no daily one, also when others are newer',
      [{ age: 1, class: 'on-demand', state: 'verified' }],
      ['critical app daily: there is none'],
    ],
    [
      'that a backup of tables is none',
      [{ age: 1, kind: 'tables', state: 'verified' }],
      ['critical the store: holds no full backup'],
    ],
    [
      'that the newest is suspect, however good older ones are',
      [
        { age: 20, state: 'verified' },
        { age: 1, state: 'suspect' },
      ],
      ['critical app daily: the newest, daily-1, failed its verification'],
    ],
    ['that nothing was ever proved', [{ age: 1 }], ['warning app: no backup has been proved by a restore']],
    [
      'that the last proof is old',
      [{ age: 1 }, { age: 200, state: 'verified' }],
      ['warning app: the newest verified backup is 8 d 8 h old, and may be 8 d'],
    ],
    ['that there is nothing', [], ['critical the store: holds no full backup']],
  ])('%s', (_what, given, expected) => {
    expect(findingsOf(given)).toEqual(expected);
  });

  test('that the last attempt failed, also of a database that never had a backup', () => {
    const failure = (database: string, at: string) =>
      ({ database, class: 'daily', at, reason: 'pg_dump failed' }) satisfies Failures[number];
    const failures = [failure('1/app', '2026-11-27T02:00:00Z'), failure('1/app', '2026-11-27T03:00:00Z')];
    expect(findingsOf([{ age: 1, state: 'verified' }], failures)).toEqual([
      'critical app daily: the last attempt failed on 2026-11-27T03:00:00Z: pg_dump failed',
    ]);
    expect(findingsOf([], [failure('1/other', '2026-11-27T03:00:00Z')])).toEqual([
      'critical other daily: the last attempt failed on 2026-11-27T03:00:00Z: pg_dump failed',
      'critical other daily: there is none',
      'warning other: no backup has been proved by a restore',
    ]);
  });

  test('by what the configuration waits for', () => {
    const schedule = { maxAge: { ...DEFAULT_MAX_AGE, daily: null, 'on-demand': HOUR }, maxProofAgeMs: 0 };
    expect(findingsOf([{ age: 2, class: 'on-demand' }, { age: 900 }], [], schedule)).toEqual([
      'critical app on-demand: the newest is 2 h old, and may be 1 h',
    ]);
  });
});

test('figures are there whether or not anything is wrong', () => {
  const { data, measures } = resultOf([{ age: 6, state: 'verified', restoreMs: 3_000 }, { age: 1 }]);
  const [first] = data!['databases'] as { readonly classes: readonly unknown[] }[];
  expect(first).toMatchObject({ database: 'app', rpoMs: 6 * HOUR, rtoMs: 3_000, longestRtoMs: 3_000 });
  expect(first!.classes).toEqual([
    {
      class: 'daily',
      newest: 'daily-1',
      state: 'unverified',
      ageMs: HOUR,
      maxAgeMs: 26 * HOUR,
      lastVerified: 'daily-6',
      verifiedAgeMs: 6 * HOUR,
    },
  ]);
  expect(measures!.map(({ name, value }) => [name, value])).toEqual([
    ['backup_rpo', 6 * HOUR],
    ['backup_rto', 3_000],
    ['backup_age', HOUR],
    ['backup_verified_age', 6 * HOUR],
    ['backup_max_age', 26 * HOUR],
    ['backup_size', 1000],
    ['backup_last_attempt_failed', 0],
  ]);
});
