import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { readRuns, readStore, type StoredBackup } from '../../src/backup/store.ts';
import { verifyFiles } from '../../src/backup/verify.ts';
import { freePort } from '../../src/postgres/free-port.ts';
import { findPostmaster } from '../../src/postgres/postmaster.ts';
import { type ScratchServer, startScratchServer } from '../../src/postgres/scratch-server.ts';
import { type HeldTools, heldTools } from '../backup/fake-tools.ts';
import { type RunResult, runCli, type StartedCli, startCli } from '../support/run.ts';
import { runHere } from '../support/run-here.ts';
import { serverPrograms } from '../support/server-versions.ts';

const PROGRAM = resolve(import.meta.dirname, '../../bin/aisha-db.js');
export const DATABASE = `Crm "ü" 100%`;
/** What backups are restored into; it is gone after each fault. */
export const COPY = `Copy's "ü" 100%`;
/** A backup that can be stopped at many moments: a folder, two connections. */
export const BACKUP = ['backup', '--dump-format', 'directory', '--jobs', '2'];
const PASSWORD = 'secret of a test';

/** Rows that do not compress, so that a disk can be full of them; a sequence to get stuck at; an odd name. */
const SCHEMA = `
  create sequence public.s;
  create table public.invoice (id int primary key, secret bytea);
  create table "Odd 100%" (text text);
  insert into public.invoice select i, decode(repeat(md5(i::text) || md5((-i)::text), 16), 'hex') from generate_series(1, 4000) i;
  insert into "Odd 100%" values ('it''s </script>');
  alter table public.invoice enable row level security; alter table public.invoice force row level security;
  create policy nobody on public.invoice using (false);
`;

/** A server of our own, that can be killed and started again, and a user's folder with a store. */
export class World {
  readonly dir: string;
  readonly #dataDir: string;
  readonly #port: number;
  /** Milliseconds of the last run with these arguments that succeeded, without the start of a process. */
  readonly #took = new Map<string, number>();
  /** Milliseconds of a backup as a process of its own. */
  #processMs = 0;
  #server: ScratchServer | undefined;

  private constructor(dir: string, port: number) {
    this.dir = dir;
    this.#dataDir = join(dir, 'server');
    this.#port = port;
  }

  static async begin(): Promise<World> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'aisha-faults-')));
    await chmod(dir, 0o755);
    await mkdir(join(dir, 'project'));
    const world = new World(dir, await freePort());
    await world.startServer();
    await world.sql(
      'postgres',
      `create role app_owner login nosuperuser password '${PASSWORD}'`,
      `create role app_dumper login nosuperuser bypassrls createdb password '${PASSWORD}'`,
      'grant app_owner to app_dumper',
      `create database ${pg.escapeIdentifier(DATABASE)} owner app_owner`,
    );
    const owner = new pg.Client({ connectionString: world.url('app_owner') });
    await owner.connect();
    await owner.query(SCHEMA);
    await owner.end();
    return world;
  }

  async end(): Promise<void> {
    await this.#server?.stop();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  get project(): string {
    return join(this.dir, 'project');
  }

  get store(): string {
    return join(this.project, '.aisha-db/backups');
  }

  /** Starts the server again, as it was. */
  async startServer(): Promise<void> {
    const major = process.env['AISHA_TEST_PG'];
    this.#server = await startScratchServer({
      dataDir: this.#dataDir,
      port: this.#port,
      password: PASSWORD,
      ...(major ? { binaries: await serverPrograms(major) } : {}),
    });
  }

  /** Ends the server at once, without a word to anybody: SIGQUIT is pg_ctl's "immediate". */
  async crashServer(): Promise<void> {
    process.kill(this.#server!.pid, 'SIGQUIT');
    await expect.poll(() => findPostmaster(this.#dataDir), { timeout: 30_000, interval: 20 }).toBe(undefined);
  }

  url(role: string, database = DATABASE): string {
    const [user, secret, name] = [role, PASSWORD, database].map(encodeURIComponent);
    return `postgresql://${user}:${secret}@127.0.0.1:${this.#port}/${name}`;
  }

  /** Runs SQL as the superuser, each text by itself; the rows of the last. */
  // biome-ignore lint/suspicious/noExplicitAny: the row type is the caller's claim
  async sql(database: string, ...texts: readonly string[]): Promise<any[]> {
    const client = new pg.Client({ connectionString: this.#server!.url(database) });
    await client.connect();
    try {
      let rows: unknown[] = [];
      for (const text of texts) rows = (await client.query(text)).rows;
      return rows;
    } finally {
      await client.end();
    }
  }

  /** The same in the database that is backed up. */
  // biome-ignore lint/suspicious/noExplicitAny: the row type is the caller's claim
  query(...texts: readonly string[]): Promise<any[]> {
    return this.sql(DATABASE, ...texts);
  }

  /** A session of the owner, for locks; the caller ends it. */
  async connect(database = DATABASE): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url('app_owner', database) });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Databases that restores have made and not taken back. */
  async copies(): Promise<string[]> {
    const rows = await this.sql(
      'postgres',
      `select datname as name from pg_database
       where datname not in ('postgres', ${pg.escapeLiteral(DATABASE)}) and not datistemplate`,
    );
    return rows.map(({ name }: { name: string }) => name);
  }

  async dropCopies(): Promise<void> {
    for (const name of await this.copies()) {
      await this.sql('postgres', `drop database ${pg.escapeIdentifier(name)} with (force)`);
    }
  }

  /** Takes a backup as a process of its own, and notes its time for `killSometime`. */
  async firstBackup(): Promise<RunResult> {
    const startedAt = performance.now();
    const result = await this.run(BACKUP, {}, process.execPath);
    this.#processMs = performance.now() - startedAt;
    return result;
  }

  /** @param node the program to run it, as a process of its own: what nobody kills or wraps needs none */
  async run(args: readonly string[], more: Readonly<Record<string, string>> = {}, node?: string): Promise<RunResult> {
    const options = this.#options(more);
    if (node !== undefined) return runCli(args, { ...options, program: { path: PROGRAM, node } });
    const startedAt = performance.now();
    const result = await runHere(args, options);
    if (result.code === 0) this.#took.set(args.join(' '), performance.now() - startedAt);
    return result;
  }

  /**
   * Kills a run at some moment of all the time that it takes when nobody does.
   * @param backups how many times as long as a backup it may take, for as long as none has succeeded
   */
  async killSometime(args: readonly string[], backups = 1): Promise<RunResult> {
    const usual = this.#usualMs(args) ?? backups * this.#processMs;
    const run = this.start(args);
    const timer = setTimeout(() => run.kill('SIGKILL'), Math.random() * usual);
    return run.done.finally(() => clearTimeout(timer));
  }

  /** Of a process with these arguments: what the last one of them took here, and what a backup takes longer there. */
  #usualMs(args: readonly string[]): number | undefined {
    const [here, backup] = [this.#took.get(args.join(' ')), this.#took.get(BACKUP.join(' '))];
    return here === undefined || backup === undefined ? undefined : here + Math.max(0, this.#processMs - backup);
  }

  start(args: readonly string[], more: Readonly<Record<string, string>> = {}): StartedCli {
    return startCli(args, this.#options(more));
  }

  configure(backup: Readonly<Record<string, unknown>>): Promise<void> {
    return writeFile(join(this.project, 'aisha-db.config.json'), JSON.stringify({ backup }));
  }

  backups(): readonly StoredBackup[] {
    return readStore(this.store).backups;
  }

  #options(more: Readonly<Record<string, string>>) {
    return { cwd: this.project, env: { DATABASE_URL: this.url('app_dumper'), ...more } };
  }
}

/** A run whose tool has begun and waits until it is let go on. */
export interface HeldRun {
  readonly run: StartedCli;
  readonly tools: HeldTools;
}

/** Starts a run and holds its tool before the first byte. */
export async function holdTool(
  world: World,
  tool: 'pg_dump' | 'pg_restore',
  args: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<HeldRun> {
  const tools = await heldTools(tool);
  await world.configure({ binDir: tools.binDir, lockWait: '3s', ...settings });
  const run = world.start(args);
  await tools.started();
  return { run, tools };
}

/** Starts a backup and holds its pg_dump. */
export function holdDump(
  world: World,
  settings: Readonly<Record<string, unknown>> = {},
  ...args: readonly string[]
): Promise<HeldRun> {
  return holdTool(world, 'pg_dump', [...BACKUP, ...args], settings);
}

/** A dump in its middle: it waits for a sequence that has just been dropped. */
export async function stickDump(
  world: World,
  settings: Readonly<Record<string, unknown>> = {},
  ...args: readonly string[]
): Promise<HeldRun & { readonly blocker: pg.Client }> {
  const held = await holdDump(world, settings, ...args);
  const blocker = await world.connect();
  await blocker.query('begin; drop sequence public.s');
  await held.tools.release();
  await expect.poll(() => stuckPids(world), { timeout: 30_000 }).toHaveLength(1);
  return { ...held, blocker };
}

/** Sessions of the dump or the restore that wait for a lock. */
export async function stuckPids(world: World): Promise<number[]> {
  const rows = await world.query(
    `select pid from pg_stat_activity where wait_event_type = 'Lock' and usename = 'app_dumper'`,
  );
  return rows.map(({ pid }: { pid: number }) => pid);
}

/** Backups that were there before are there and whole; nothing else claims to be one. */
export async function expectBackupsKept(world: World, before: readonly StoredBackup[]): Promise<void> {
  const { backups, damaged } = readStore(world.store);
  expect(damaged).toEqual([]);
  expect(backups.map(({ manifest }) => manifest.id)).toEqual(
    expect.arrayContaining(before.map(({ manifest }) => manifest.id)),
  );
  for (const backup of backups) expect(await verifyFiles(backup, new AbortController().signal)).toEqual([]);
}

/** No program, session, lock or unfinished folder of a run is left. */
export async function expectNothingLeft(world: World): Promise<void> {
  await expect.poll(() => ourProcesses(world), { timeout: 10_000 }).toEqual([]);
  await expect.poll(() => ourSessions(world), { timeout: 10_000 }).toEqual([]);
  expect(readRuns(world.store)).toEqual([]);
  expect(readdirSync(join(world.store, '.in-progress'))).toEqual([]);
}

/** Temporary folders of servers that a process has started and not removed. */
export function scratchFoldersOf(pid: number): string[] {
  return readdirSync(tmpdir()).filter((name) => {
    const owner = join(tmpdir(), name, 'owner');
    return name.startsWith('aisha-pg-') && existsSync(owner) && readFileSync(owner, 'utf8').startsWith(`${pid}`);
  });
}

/** Command lines of programs that a run has started, whether it still lives or not; others of the machine are not ours. */
function ourProcesses({ dir }: World): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(`${dir}/`) && /\b(pg_dump|pg_restore)\b/.test(line));
}

/** Sessions of a run, and of others only if they hold a lock for one. */
async function ourSessions(world: World): Promise<unknown[]> {
  return world.query(
    `select a.application_name, a.state, l.locktype, l.mode from pg_stat_activity a
     left join pg_locks l on l.pid = a.pid
     where a.usename = 'app_dumper' or a.application_name like 'aisha-db%'
       or (l.locktype = 'advisory' and a.pid <> pg_backend_pid())`,
  );
}
