import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Config, type ConfigFlags, loadConfig } from '../src/config.ts';
import { AishaError } from '../src/errors.ts';
import { DEFAULT_MAINTENANCE } from '../src/maintenance/settings.ts';
import { DEFAULT_TENANCY } from '../src/tenancy/settings.ts';
import { linkIn, makeFolder, writeFiles } from './support/folder.ts';

const HOUR = 3_600_000;

/** Loads the configuration of a folder with this file, and gives it with the folder. */
async function load(content?: unknown, flags: ConfigFlags = {}): Promise<{ config: Config; cwd: string }> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const cwd = await makeFolder(content === undefined ? {} : { 'aisha-db.config.json': text });
  return { config: await loadConfig({ cwd, flags }), cwd };
}

async function errorOf(content: unknown, flags: ConfigFlags = {}): Promise<AishaError> {
  const error = await load(content, flags).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AishaError);
  return error as AishaError;
}

test('without a file everything has a default and every path is absolute', async () => {
  const { config, cwd } = await load();
  expect(config).toEqual({
    file: undefined,
    dir: join(cwd, 'sql'),
    rollbacksDir: join(cwd, 'sql'),
    fixesDir: join(cwd, 'sql', 'fixes'),
    ledger: { schema: 'aisha_db', table: 'migrations' },
    duplicates: 'refuse-new',
    finalFrom: 900,
    lockTimeoutMs: 5_000,
    statementTimeoutMs: 0,
    lockWaitMs: 60_000,
    lockRetries: 5,
    tenancy: DEFAULT_TENANCY,
    gate: { mode: 'enforce', exceptions: [] },
    stateDir: join(cwd, '.aisha-db'),
    settings: {},
    diagnostics: {
      checksDir: undefined,
      runsDir: undefined,
      connections: 3,
      timeoutMs: 15_000,
      ignoreSchemas: [],
      checks: {},
      mutes: [],
    },
    backup: {
      store: undefined,
      binDir: undefined,
      serverBinDir: undefined,
      jobs: undefined,
      lockWaitMs: 30_000,
      idleTimeoutMs: 600_000,
      excludeSchemas: [],
      keepDays: { 'on-demand': 7, 'pre-migration': 7, daily: 7, weekly: 28, quarterly: null },
      beforeMigrate: true,
      proveAtOnce: ['pre-migration', 'weekly'],
      maxAge: {
        'on-demand': null,
        'pre-migration': null,
        daily: 26 * HOUR,
        weekly: 8 * 24 * HOUR,
        quarterly: 95 * 24 * HOUR,
      },
      maxProofAgeMs: 8 * 24 * HOUR,
      compression: 3,
      encrypt: false,
      recipients: [],
      identityFile: undefined,
      remote: {
        url: undefined,
        endpoint: undefined,
        region: undefined,
        forcePathStyle: false,
        recipients: [],
        identityFile: undefined,
      },
    },
    orphans: { timeoutMs: 30_000, add: [], exclude: [] },
    maintenance: DEFAULT_MAINTENANCE,
    rehearsal: { dir: undefined, run: undefined, masks: [], maskKeyFrom: undefined, require: false },
    schedule: { timezone: undefined, environmentFile: undefined, graceMs: 7_200_000, jobs: {} },
    environment: undefined,
    environments: {},
  });
});

test('an environment says otherwise for single thresholds of maintenance; durations become milliseconds', async () => {
  const { config } = await load(
    {
      maintenance: { jobs: 2, patience: '1h', vacuum: { deadRows: 7, costDelay: 0 }, busy: { longTransaction: '5s' } },
      environments: { prod: { maintenance: { vacuum: { deadPercent: 1 } } } },
    },
    { env: 'prod' },
  );
  const { jobs, patienceMs, vacuum, busy, reindex } = config.maintenance;
  expect({ jobs, patienceMs, reindex }).toEqual({
    jobs: 2,
    patienceMs: 3_600_000,
    reindex: DEFAULT_MAINTENANCE.reindex,
  });
  expect(vacuum).toEqual({ ...DEFAULT_MAINTENANCE.vacuum, deadRows: 7, deadPercent: 1, costDelayMs: 0 });
  expect(busy).toEqual({ ...DEFAULT_MAINTENANCE.busy, longTransactionMs: 5_000 });
});

test('what an environment says about checks is added to what the file says', async () => {
  const mute = { check: 'slow-query', reason: 'known', until: '2026-12-31' };
  const { config, cwd } = await load(
    {
      diagnostics: { checksDir: 'checks', timeout: '1min', checks: { a: { enabled: false }, b: {} }, mutes: [mute] },
      environments: {
        prod: {
          diagnostics: {
            connections: 1,
            ignoreSchemas: ['legacy'],
            checks: { b: { thresholds: { warning: 'x > 1', critical: null } } },
            mutes: [{ ...mute, object: 'query 1' }],
          },
        },
      },
    },
    { env: 'prod' },
  );
  expect(config.diagnostics).toEqual({
    checksDir: join(cwd, 'checks'),
    connections: 1,
    timeoutMs: 60_000,
    ignoreSchemas: ['legacy'],
    checks: { a: { enabled: false }, b: { thresholds: { warning: 'x > 1', critical: null } } },
    mutes: [{ ...mute, object: 'query 1' }, mute],
  });
});

test('every key of the file is honoured', async () => {
  const { config, cwd } = await load({
    dir: 'db/migrations',
    rollbacksDir: 'db/undo',
    fixesDir: 'db/fix',
    ledger: { schema: 'ops', table: 'ledger' },
    duplicates: 'allow',
    finalFrom: 950,
    lockTimeout: '2s',
    statementTimeout: '10min',
    lockWait: 1500,
    lockRetries: 2,
    stateDir: 'state',
    settings: { 'aisha.seed': 'on' },
  });
  expect(config).toMatchObject({
    file: join(cwd, 'aisha-db.config.json'),
    dir: join(cwd, 'db/migrations'),
    rollbacksDir: join(cwd, 'db/undo'),
    fixesDir: join(cwd, 'db/fix'),
    ledger: { schema: 'ops', table: 'ledger' },
    duplicates: 'allow',
    finalFrom: 950,
    lockTimeoutMs: 2_000,
    statementTimeoutMs: 600_000,
    lockWaitMs: 1_500,
    lockRetries: 2,
    stateDir: join(cwd, 'state'),
    settings: { 'aisha.seed': 'on' },
  });
});

test('nothing of a configuration can be changed', async () => {
  const { config } = await load({ environments: { dev: { url: 'postgres://h/d' } } });
  expect(() => Object.assign(config.ledger, { table: 'other' })).toThrow(TypeError);
  expect(() => Object.assign(config, { dir: '/' })).toThrow(TypeError);
  expect(() => Object.assign(config.environments['dev']!, { protected: true })).toThrow(TypeError);
});

describe('flags win over the environment, which wins over the file', () => {
  const content = {
    lockTimeout: '1s',
    lockWait: '1s',
    statementTimeout: '1s',
    ledger: { schema: 'ops' },
    settings: { 'a.x': 'file', 'a.y': 'file' },
    environments: { prod: { lockTimeout: '2s', lockWait: '2s', ledger: { table: 't' }, settings: { 'a.x': 'prod' } } },
  };

  test('one key at a time', async () => {
    const { config } = await load(content, { env: 'prod', lockTimeout: '3s' });
    expect(config).toMatchObject({
      environment: 'prod',
      lockTimeoutMs: 3_000,
      lockWaitMs: 2_000,
      statementTimeoutMs: 1_000,
      ledger: { schema: 'ops', table: 't' },
      settings: { 'a.x': 'prod', 'a.y': 'file' },
    });
  });

  test('an environment that is not chosen changes nothing', async () => {
    const { config } = await load(content);
    expect(config).toMatchObject({
      lockTimeoutMs: 1_000,
      ledger: { table: 'migrations' },
      settings: { 'a.x': 'file' },
    });
  });

  test('--dir leaves the rollback and fix folders of another dir behind', async () => {
    const { config, cwd } = await load({ dir: 'a', rollbacksDir: 'undo', fixesDir: 'fix' }, { dir: 'b' });
    expect(config).toMatchObject({
      dir: join(cwd, 'b'),
      rollbacksDir: join(cwd, 'b'),
      fixesDir: join(cwd, 'b/fixes'),
    });
  });
});

describe('the rollbacks folder', () => {
  test('is the one beside dir when there is one', async () => {
    const cwd = await makeFolder({ 'db/sql/': '', 'db/rollbacks/': '' });
    expect((await loadConfig({ cwd, flags: { dir: 'db/sql' } })).rollbacksDir).toBe(join(cwd, 'db/rollbacks'));
  });
});

describe('environments', () => {
  test('have an address that no rendering of the configuration shows, and are not protected unless they say so', async () => {
    const url = 'postgres://u:s3cr3t-p@ss@h/d';
    const { config } = await load({ environments: { a: { url }, b: { urlFrom: 'B_URL', protected: true } } });
    expect(config.environments['a']?.url?.reveal()).toBe(url);
    expect(config.environments).toMatchObject({ a: { protected: false }, b: { urlFrom: 'B_URL', protected: true } });
    for (const text of [JSON.stringify(config), inspect(config, { depth: null })]) expect(text).not.toContain('s3cr3t');
  });

  test.each([
    [{ environments: { prod: {} } }, 'Known are: prod.'],
    [undefined, '"environments"'],
  ])('an unknown one is refused: %j', async (content, hint) => {
    const error = await errorOf(content, { env: 'prd' });
    expect(error).toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('"prd"'),
      hint: expect.stringContaining(hint),
    });
  });
});

describe('the file', () => {
  test('is the one in the working directory, never one of a parent', async () => {
    const parent = await makeFolder({ 'aisha-db.config.json': '{"finalFrom": 950}', 'sub/': '' });
    expect((await loadConfig({ cwd: join(parent, 'sub'), flags: {} })).file).toBeUndefined();
  });

  test('named with --config is read instead, and its paths are relative to itself', async () => {
    const cwd = await makeFolder({ 'aisha-db.config.json': '{"dir": "a"}', 'other/x.json': '{"dir": "b"}' });
    const config = await loadConfig({ cwd, flags: { config: 'other/x.json' } });
    expect(config).toMatchObject({ dir: join(cwd, 'other/b'), stateDir: join(cwd, 'other/.aisha-db') });
  });

  test('paths of flags are relative to the working directory', async () => {
    const cwd = await makeFolder({ 'other/x.json': '{}' });
    expect((await loadConfig({ cwd, flags: { config: 'other/x.json', dir: 'b' } })).dir).toBe(join(cwd, 'b'));
  });

  test('may have a byte order mark and a $schema', async () => {
    const { config } = await load('\uFEFF{"$schema": "x", "finalFrom": 950}');
    expect(config.finalFrom).toBe(950);
  });

  test('named with --config must exist', async () => {
    const error = await errorOf(undefined, { config: 'none.json' });
    expect(error).toMatchObject({ kind: 'usage', message: expect.stringMatching(/none\.json does not exist$/) });
  });

  test('that cannot be read is an error, not the defaults', async () => {
    const cwd = await makeFolder();
    // A link to itself cannot be read by anybody, root included.
    await linkIn(cwd, 'aisha-db.config.json', 'aisha-db.config.json');
    await expect(loadConfig({ cwd, flags: {} })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/cannot be read$/),
    });
  });

  test('that is a folder is an error, not the defaults', async () => {
    const cwd = await makeFolder();
    await writeFiles(cwd, { 'aisha-db.config.json/': '' });
    await expect(loadConfig({ cwd, flags: {} })).rejects.toMatchObject({ kind: 'usage' });
  });

  test('reports every problem at once, each with its path', async () => {
    const error = await errorOf({
      dirr: 'sql',
      duplicates: 'never',
      lockTimeout: 'soon',
      ledger: { tabel: 'x' },
      settings: { 'a b': 'x' },
      environments: { prod: { urlFrm: 'X', urlFrom: '$X', protectd: true } },
    });
    expect(error.kind).toBe('usage');
    expect(error.message).toMatch(/aisha-db\.config\.json has 8 problems$/);
    expect([...error.details].sort()).toEqual([
      'dirr: unknown key, did you mean "dir"?',
      'duplicates: Invalid option: expected one of "refuse-new"|"allow"|"refuse"',
      'environments.prod.protectd: unknown key, did you mean "protected"?',
      'environments.prod.urlFrm: unknown key, did you mean "urlFrom"?',
      'environments.prod.urlFrom: expected the name of an environment variable',
      'ledger.tabel: unknown key, did you mean "table"?',
      'lockTimeout: expected a duration such as "500ms", "5s", "2min", "1h", or a whole number of milliseconds',
      'settings.a b: expected the name of a setting, such as "aisha.seed"',
    ]);
  });

  test.each(['null', '[]', '"x"'])('%s is refused', async (text) => {
    expect((await errorOf(text)).details).toEqual([expect.stringMatching(/^the file: .*expected object/)]);
  });

  test.each([
    ['{\n  "dir": "a",\n  "x" }', ':3:7'],
    ['{\n  "finalFrom": 900,\n  "dir": nope, "lockRetries": 5 }', ':3:11'],
    ['{"dir": nope}', ''],
    ['{"dir": "a",}', ':1:13'],
    ['{"dir": "a"', ''],
    ['', ''],
  ])('%j is refused with the place of the fault', async (text, place) => {
    const error = await errorOf(text);
    expect(error.message).toMatch(/is not valid JSON$/);
    expect(error.message).toContain(`aisha-db.config.json${place}`);
  });

  test.each([
    '{"environments": {"a": {"url": "postgres://u:s3cr3t-p@ss@h/d" x}}}',
    '{"environments": {"a": {"url": postgres://u:s3cr3t-p@ss@h/d}}}',
    '{"environments": {"a": {"urll": "postgres://u:s3cr3t-p@ss@h/d"}}}',
    '{"environments": {"a": {"url": ["postgres://u:s3cr3t-p@ss@h/d"]}}}',
    '{"environments": {"a": {"urlFrom": "postgres://u:s3cr3t-p@ss@h/d"}}}',
    '{"environments": "postgres://u:s3cr3t-p@ss@h/d"}',
    's3cr3t-p@ss',
  ])('that is broken does not show the password of %s', async (text) => {
    const error = await errorOf(text);
    for (const shown of [inspect(error, { depth: null }), JSON.stringify(error), error.details.join('\n')]) {
      expect(shown).not.toContain('s3cr3t');
    }
  });
});

describe('a flag', () => {
  test.each([
    [{ lockTimeout: 'soon' }, '--lock-timeout'],
    [{ lockWait: '5' }, '--lock-wait'],
    [{ statementTimeout: '-1s' }, '--statement-timeout'],
    [{ lockRetries: 'many' }, '--lock-retries'],
  ])('that cannot be understood is named: %j', async (flags, name) => {
    expect((await errorOf(undefined, flags)).message).toContain(name);
  });
});
