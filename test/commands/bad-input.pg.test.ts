/** @module-tag since-13 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { ledgerOf, makeProject, objectsOf } from './project.ts';

const FILES = { 'sql/001_a.sql': 'create table a (id int)' };

/** Linux has a device that is always full. */
const FULL = '/dev/full';

function withPart(db: TestDatabase, part: 'password' | 'port' | 'pathname' | 'username', value: string): string {
  return Object.assign(new URL(db.url), { [part]: value }).href;
}

describe('a command that cannot be understood', () => {
  test.for<readonly [string[], string, string]>([
    [['migrat'], 'unknown command "migrat"', 'Did you mean migrate?'],
    [['frobnicate'], 'unknown command "frobnicate"', 'aisha-db --help lists the commands.'],
    [['migrate', '--dryrun'], 'unknown option "--dryrun"', 'Did you mean --dry-run?'],
    [['migrate', '--bogus'], 'unknown option "--bogus"', 'aisha-db migrate --help lists the options.'],
    [['migrate', '001_a.sql'], 'unexpected argument "001_a.sql"', 'Usage: '],
    [['migrate', '--to'], '--to <number>" needs a value', '--help'],
    [['migrate', '--lock-timeout', 'soon'], '--lock-timeout', ''],
    [['migrate', '--lock-retries', '-1'], '--lock-retries', ''],
    [['rollback'], 'missing required argument', '--help'],
    [['fix'], 'missing required argument', '--help'],
    [['status', '--format', 'yaml'], '--format "yaml" is not known', 'table'],
    [['status', '--embedded', '--env', 'x'], '--embedded and --env name two databases', 'Keep the one that is meant.'],
  ])('%j', async ([args, message, hint], { db }) => {
    const project = await makeProject(FILES, db);
    const { code, stderr, stdout } = await project.run(...args);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(await objectsOf(db)).toEqual(['public']);
  });
});

describe('a database that cannot be reached: what was tried, and what to check', () => {
  const everyCommand = [
    ['migrate'],
    ['status'],
    ['validate', '--ledger'],
    ['repair'],
    ['baseline', '--to', '1'],
    ['rollback', '1'],
    ['fix', 'a'],
    ['renumber', '001_a.sql'],
  ];

  test('none is named: the ways to name one', async () => {
    const project = await makeProject({ ...FILES, 'sql/fixes/FIX_a.sql': 'select 1' });
    for (const args of everyCommand) {
      const { code, stderr } = await project.run(...args);
      expect(stderr, args[0]).toContain('error: no database is named\n');
      expect(stderr).toContain('  AISHA_DATABASE_URL or DATABASE_URL, also in .env\n');
      expect(stderr).toContain('--embedded');
      expect(code).toBe(2);
    }
  });

  test('nothing listens there', async () => {
    const project = await makeProject({ ...FILES, 'sql/fixes/FIX_a.sql': 'select 1' });
    for (const args of everyCommand) {
      const { code, stderr } = await project.run(
        ...args,
        '--database-url',
        'postgres://me:hidden-word@127.0.0.1:1/mine',
      );
      expect(stderr, args[0]).toContain('error: nothing listens at 127.0.0.1:1\n');
      expect(stderr).toContain('  tried 127.0.0.1:1/mine as me, ');
      expect(stderr).toContain('hint: Check that the server runs');
      expect(stderr).not.toContain('hidden-word');
      expect(code).toBe(3);
    }
  });

  test('the URL is not one', async () => {
    const project = await makeProject(FILES);
    for (const url of ['nonsense', 'mysql://me:hidden-word@db/x', 'postgres://me:hidden-word@db:port/x', 'http://db']) {
      const { code, stderr } = await project.run('migrate', '--database-url', url);
      expect(stderr, url).toMatch(/^error: --database-url /);
      expect(stderr, url).toContain('hint: ');
      expect(stderr, url).not.toContain('hidden-word');
      expect(code, url).toBe(2);
    }
  });

  test('the host has no address', async () => {
    const project = await makeProject(FILES);
    const { code, stderr } = await project.run('migrate', '--database-url', 'postgres://me@db.invalid/x');
    expect(stderr).toContain('db.invalid');
    expect(stderr).toContain('hint: ');
    expect(code).toBe(3);
  });

  test('the database does not exist', async ({ db }) => {
    const project = await makeProject(FILES);
    const url = withPart(db, 'pathname', '/no_such_database');
    const { code, stderr } = await project.run('migrate', '--database-url', url);
    expect(stderr).toContain('error: database "no_such_database" does not exist on ');
    expect(stderr).toContain('createdb no_such_database');
    expect(code).toBe(3);
  });

  test('the password is wrong, and shown nowhere', async ({ db }) => {
    const project = await makeProject(FILES);
    const url = withPart(db, 'password', 'wrong-hidden-word');
    const { code, stderr, stdout } = await project.run('migrate', '--format', 'json', '--database-url', url);
    expect(stderr).toContain('error: wrong password for user "app_owner"');
    expect(stderr).toContain('SQLSTATE 28P01');
    expect(stdout + stderr).not.toContain('wrong-hidden-word');
    expect(code).toBe(3);
  });

  test('the role may not connect', async ({ db }) => {
    const project = await makeProject(FILES);
    await db.superQuery(`revoke connect on database ${db.name} from public`);
    const { code, stderr } = await project.run('migrate', '--database-url', db.readerUrl);
    expect(stderr).toContain(`user "app_reader" may not connect to database "${db.name}"`);
    expect(stderr).toContain(`grant connect on database "${db.name}" to "app_reader"`);
    expect(code).toBe(3);
  });

  test('the role may not write', async ({ db }) => {
    const project = await makeProject(FILES);
    const first = await project.run('migrate', '--database-url', db.readerUrl);
    expect(first.stderr).toContain('cannot create the ledger aisha_db.migrations: permission denied');
    expect(first.code).toBe(3);
    await project.run('migrate', '--database-url', db.url);
    await project.write({ 'sql/002_b.sql': 'select 1' });
    const second = await project.run('migrate', '--database-url', db.readerUrl);
    expect(second.stderr).toContain('permission denied for table migrations');
    expect(second.stderr).toContain('SQLSTATE 42501');
    expect(second.code).toBe(7);
    expect(await ledgerOf(db)).toHaveLength(1);
  });

  test('the database takes no writes', async ({ db }) => {
    const project = await makeProject(FILES, db);
    await db.superQuery(`alter database ${db.name} set default_transaction_read_only = on`);
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('cannot execute CREATE SCHEMA in a read-only transaction');
    expect(code).toBe(3);
  });
});

describe('files and folders', () => {
  test('no such folder: the folder that was looked for, and the option', async ({ db }) => {
    const project = await makeProject(FILES, db);
    for (const args of [['migrate'], ['status'], ['validate'], ['repair'], ['baseline', '--to', '1']]) {
      const { code, stderr } = await project.run(...args, '--dir', 'migrations');
      expect(stderr, args[0]).toContain(`error: no such folder: ${join(project.dir, 'migrations')}\n`);
      expect(stderr).toContain('hint: Name the folder of numbered SQL files with --dir.');
      expect(code).toBe(2);
    }
  });

  test('a file where the folder should be', async ({ db }) => {
    const project = await makeProject(FILES, db);
    const { code, stderr } = await project.run('migrate', '--dir', 'sql/001_a.sql');
    expect(stderr).toContain('001_a.sql');
    expect(stderr).not.toContain('defect');
    expect(code).toBe(2);
  });

  test('a configuration that cannot be read, or holds an unknown key', async ({ db }) => {
    const project = await makeProject(
      { ...FILES, 'aisha-db.config.json': '{ "dri": "sql", "lockTimeout": "soon" }' },
      db,
    );
    const unknown = await project.run('migrate');
    expect(unknown.stderr).toContain('dri');
    expect(unknown.stderr).toContain('lockTimeout');
    expect(unknown.code).toBe(2);
    await project.write({ 'aisha-db.config.json': '{ "dir": ' });
    expect((await project.run('migrate')).code).toBe(2);
    expect((await project.run('migrate', '--config', 'no.json')).code).toBe(2);
    expect(await objectsOf(db)).toEqual(['public']);
  });

  test('a setting that the server does not know is an error before anything runs', async ({ db }) => {
    const project = await makeProject({ ...FILES, 'aisha-db.config.json': '{ "settings": { "wrk_mem": "5MB" } }' }, db);
    const { code, stderr } = await project.run('migrate');
    expect(stderr).toContain('unrecognized configuration parameter "wrk_mem"');
    expect(stderr).not.toContain('defect');
    expect(code).toBe(3);
  });
});

describe.skipIf(!existsSync(FULL))('a full disk', () => {
  test('under the report file: the report is on stdout instead, since it is the only record', async ({ db }) => {
    const project = await makeProject(FILES, db);
    const { code, stdout, stderr } = await project.run('migrate', '--output', FULL);
    expect(stderr).toContain(`error: the report cannot be written to ${FULL}`);
    expect(stdout).toContain('applied 1 of 1');
    expect(code).toBe(2);
    expect(await ledgerOf(db)).toHaveLength(1);
  });

  test('under stdout: said on stderr, with an exit code', async ({ db }) => {
    const folder = await makeFolder(FILES);
    const program = resolve(import.meta.dirname, '../../bin/aisha-db.js');
    const child = spawn(process.execPath, [program, 'status'], {
      cwd: folder,
      env: { ...process.env, ...db.env },
      stdio: ['ignore', openSync(FULL, 'w'), 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let stderr = '';
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    const code = await new Promise((done) => child.once('close', done));
    expect(stderr).toContain('error: stdout cannot be written');
    expect(code).toBe(2);
  });

  test('a report file that cannot be made is noticed before anything is applied', async ({ db }) => {
    const project = await makeProject(FILES, db);
    const { code, stderr } = await project.run('migrate', '--output', 'no/such/folder.json');
    expect(stderr).toContain('the report cannot be written to no/such/folder.json');
    expect(code).toBe(2);
    expect(await objectsOf(db)).toEqual(['public']);
  });
});

test.runIf(process.getuid?.() === 0)(
  'a full disk under the server: nothing of the file remains, and the next run goes on',
  async ({ db }) => {
    const disk = await makeFolder();
    const [{ data }] = (await db.superQuery("select current_setting('data_directory') as data")) as [{ data: string }];
    const { uid, gid } = statSync(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=8m,uid=${uid},gid=${gid},mode=0700`, 'tmpfs', disk]);
    const name = `small_${db.name}`;
    await db.superQuery(`create tablespace ${name} location '${disk}'`);
    await db.superQuery(`grant create on tablespace ${name} to app_owner`);
    try {
      const big = (rows: number) =>
        `create table a (); create table big tablespace ${name} as select repeat('x', 1000) from generate_series(1, ${rows});`;
      const project = await makeProject({ 'sql/001_a.sql': big(20_000) }, db);
      const { code, stderr } = await project.run('migrate');
      expect(stderr).toContain('No space left on device at 001_a.sql:1:');
      expect(stderr).toContain('SQLSTATE 53100');
      expect(stderr).toContain('hint: The server is out of disk space; free some and run again.');
      expect(code).toBe(7);
      expect(await ledgerOf(db)).toEqual([]);
      await project.write({ 'sql/001_a.sql': big(1000) });
      expect((await project.run('migrate')).code).toBe(0);
    } finally {
      await db.superQuery('drop table if exists big');
      await db.superQuery(`drop tablespace ${name}`);
      execFileSync('umount', ['--lazy', disk]);
    }
  },
);

describe('the password', () => {
  const PASSWORD = 'Gänse/füßchen %41:@ "x"';

  test('is on no output, in no process, in no session and not in the ledger', async ({ db }) => {
    const role = `keeper_${db.name}`;
    await db.superQuery(`create role ${role} login password '${PASSWORD}'`);
    await db.superQuery(`grant create on database ${db.name} to ${role}; grant all on schema public to ${role}`);
    const url = `postgres://${role}:${encodeURIComponent(PASSWORD)}@${db.host}:${db.port}/${db.name}`;
    const project = await makeProject(
      {
        'sql/001_a.sql': 'select pg_sleep(1)',
        'sql/002_b.sql': `select 1/0; -- ${PASSWORD}`,
        'aisha-db.config.json': JSON.stringify({ environments: { here: { urlFrom: 'HERE_URL' } } }),
      },
      { env: { HERE_URL: url, PGPASSWORD: PASSWORD } },
    );
    const seen: string[] = [];
    const run = project.start('migrate', '--env', 'here', '--format', 'json');
    const sessions = () =>
      db.superQuery('select application_name, query from pg_stat_activity where datname = current_database()');
    await expect.poll(async () => JSON.stringify(await sessions()), { timeout: 30_000 }).toContain('pg_sleep');
    seen.push(JSON.stringify(await sessions()), ...commandLinesBelow(run.pid));
    const failed = await run.done;
    expect(failed.code).toBe(7);
    seen.push(failed.stdout, failed.stderr, JSON.stringify(await db.superQuery('table aisha_db.migrations')));
    for (const args of [
      ['status', '--database-url', url],
      ['status', '--database-url', `${url}_nowhere`],
      ['status', '--database-url', url.replace(`:${db.port}/`, ':1/')],
      ['status', '--database-url', url.replace('postgres:', 'postgras:')],
      ['status', '--databse-url', url],
      ['status', '--env', 'here', '--dir', url],
    ]) {
      const { stdout, stderr } = await project.run(...args);
      seen.push(stdout, stderr);
    }
    await db.superQuery(`drop owned by ${role}; drop role ${role}`);
    for (const text of seen) {
      for (const form of [PASSWORD, encodeURIComponent(PASSWORD), 'Gänse', 'f%C3%BC']) expect(text).not.toContain(form);
    }
  });
});

/** What `ps` would show of a process and of those it has started. */
function commandLinesBelow(pid: number): string[] {
  if (!existsSync('/proc/self/stat')) return [];
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isBelow = (candidate: number | undefined): boolean =>
    candidate === pid || (candidate !== undefined && candidate > 1 && isBelow(parents.get(candidate)));
  return [...parents.keys()].filter(isBelow).map((each) => read(`/proc/${each}/cmdline`));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
