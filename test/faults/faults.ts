import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { realBinDir } from '../backup/fake-tools.ts';
import { makeFolder } from '../support/folder.ts';
import type { RunResult } from '../support/run.ts';
import { startS3 } from '../support/s3-server.ts';
import { RESTORE_FAULTS } from './restore-faults.ts';
import { BACKUP, holdDump, scratchFoldersOf, stickDump, stuckPids, type World } from './world.ts';

/** Something that goes wrong, and what the program makes of it. */
export interface Fault {
  readonly name: string;
  /** How it is produced. */
  readonly how: string;
  /** Exit code of the run that it happens to; `killed` when that run is the victim. */
  readonly code: number | 'killed';
  /** What that run says on stderr; one of several where whoever notices first says it. */
  readonly says: string | readonly string[];
  /** How often, at another moment each time: `AISHA_FAULT_ROUNDS`. */
  readonly repeated?: boolean;
  /** No backup is being taken when it happens, so that the next one is only tried with `AISHA_FAULT_ROUNDS`. */
  readonly sparesBackups?: boolean;
  /** Lets it happen and returns the run that it happened to, everything else put back as it was. */
  happen(world: World): Promise<RunResult>;
}

/** Each row of docs/faults.md. */
export const FAULTS: readonly Fault[] = [
  // ── programs ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'pg_dump is killed',
    how: 'kill -9 while it reads tables',
    code: 10,
    says: 'pg_dump was ended by SIGKILL',
    async happen(world) {
      const { run, tools, blocker } = await stickDump(world);
      process.kill(await tools.pid(), 'SIGKILL');
      const result = await run.done;
      await blocker.end();
      // Until one succeeds, the failure is known.
      expect((await world.run(['backup', 'list'])).stdout).toContain('pg_dump was ended by SIGKILL');
      return result;
    },
  },
  {
    name: 'pg_dump is killed, at any moment',
    how: 'kill -9 at random moments of the whole dump',
    code: 10,
    says: 'pg_dump was ended by SIGKILL',
    repeated: true,
    async happen(world) {
      const { run, tools } = await holdDump(world);
      const { dumpMs } = world.backups().at(-1)!.manifest;
      await tools.release();
      await sleep(Math.random() * dumpMs);
      killIfThere(await tools.pid());
      return run.done;
    },
  },
  {
    name: 'aisha-db is killed',
    how: 'kill -9 while pg_dump reads tables, which goes on without it; the next run ends that',
    code: 'killed',
    says: '',
    async happen(world) {
      const { run, tools, blocker } = await stickDump(world);
      run.kill('SIGKILL');
      const result = await run.done;
      expect(isThere(await tools.pid())).toBe(true);
      const next = await world.run(['backup']);
      expect(next.stderr).toMatch(/cleared away what the run \S+ of \S+ had left/);
      // Still locked, so no backup can be taken; what was left is ended all the same.
      expect(next.code).toBe(6);
      expect(isThere(await tools.pid())).toBe(false);
      await blocker.end();
      return result;
    },
  },
  {
    name: 'aisha-db is killed, at any moment',
    how: 'kill -9 at random moments of the whole run',
    code: 'killed',
    says: '',
    repeated: true,
    happen: (world) => world.killSometime(BACKUP),
  },
  {
    name: 'aisha-db is interrupted',
    how: 'SIGINT while pg_dump reads tables',
    code: 130,
    says: 'interrupted',
    async happen(world) {
      const { run, blocker } = await stickDump(world);
      run.kill('SIGINT');
      const result = await run.done;
      await blocker.end();
      return result;
    },
  },
  {
    name: 'the time of the run is over',
    how: '--timeout 8s, while pg_dump waits for a lock',
    code: 130,
    says: '8s',
    async happen(world) {
      const { run, blocker } = await stickDump(world, { lockWait: '60s' }, '--timeout', '8s');
      const result = await run.done;
      await blocker.end();
      return result;
    },
  },
  {
    name: 'two runs at once',
    how: 'a second run beside one that is held',
    code: 6,
    says: 'another backup of this database is being taken',
    async happen(world) {
      const { run, tools } = await holdDump(world, { lockWait: '500ms' });
      const second = await world.run(['backup']);
      await tools.release();
      expect((await run.done).code).toBe(0);
      return second;
    },
  },
  {
    name: 'a verification is killed',
    how: 'kill -9 while the scratch server restores; the next verification ends that server',
    code: 'killed',
    says: '',
    async happen(world) {
      const run = world.start(['backup', 'verify', 'latest', '--restore']);
      await run.stderrContains('restoring');
      run.kill('SIGKILL');
      const result = await run.done;
      expect(scratchFoldersOf(run.pid)).not.toEqual([]);
      const next = await world.run(['backup', 'verify', 'latest', '--restore']);
      expect(next.code, next.stderr).toBe(0);
      expect(scratchFoldersOf(run.pid)).toEqual([]);
      return result;
    },
  },
  // ── disk ────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'the disk is full',
    how: 'a store on a tmpfs of 4 MB (as root) that somebody else fills during the dump',
    code: 10,
    says: 'No space left on device',
    async happen(world) {
      // A store of its own, whose earlier backup has to survive as well.
      const disk = await makeFolder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
      try {
        const store = ['--store', join(disk, 'store')];
        await world.configure({});
        expect((await world.run(['backup', '--schema-only', ...store])).code).toBe(0);
        const { run, tools } = await holdDump(world, { store: join(disk, 'store') });
        fill(join(disk, 'filler'));
        await tools.release();
        const result = await run.done;
        rmSync(join(disk, 'filler'));
        await world.configure({});
        expect((await world.run(['backup', 'verify', ...store])).stdout).toMatch(/^1 of 1 backup/);
        expect((await world.run(['backup', '--schema-only', ...store])).code).toBe(0);
        expect(readdirSync(join(disk, 'store/.in-progress'))).toEqual([]);
        return result;
      } finally {
        execFileSync('umount', ['--lazy', disk]);
      }
    },
  },
  {
    name: 'the disk has too little space',
    how: 'a store on a tmpfs of 300 kB (as root)',
    code: 10,
    says: 'the store has',
    async happen(world) {
      const disk = await makeFolder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk]);
      try {
        return await world.run(['backup', '--store', join(disk, 'store')]);
      } finally {
        execFileSync('umount', ['--lazy', disk]);
      }
    },
  },
  {
    name: 'a file cannot grow',
    how: 'ulimit -f on pg_dump',
    code: 10,
    says: 'pg_dump was ended by SIGXFSZ',
    happen: (world) => runWithTool(world, 'ulimit -f 100; exec "$real" "$@"', 1),
  },
  {
    name: 'fsync of the dump fails',
    how: 'EIO for every fsync of pg_dump, by strace',
    code: 10,
    says: 'could not fsync file',
    happen: (world) => runWithTool(world, `exec ${FAIL_FSYNC} "$real" "$@"`, 2),
  },
  {
    name: 'fsync of the manifest fails',
    how: 'EIO for every fsync of aisha-db, by strace',
    code: 10,
    says: 'i/o error',
    async happen(world) {
      const [program, ...args] = FAIL_FSYNC.split(' ');
      const node = await makeFolder({
        node: `#!/bin/sh\nexec ${[program, ...args].join(' ')} '${process.execPath}' "$@"\n`,
      });
      chmodSync(join(node, 'node'), 0o755);
      return world.run(['backup'], {}, join(node, 'node'));
    },
  },
  // ── server ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'the server ends the sessions of pg_dump',
    how: 'pg_terminate_backend',
    code: 10,
    says: 'terminating connection due to administrator command',
    async happen(world) {
      const { run, blocker } = await stickDump(world);
      const [pid] = await stuckPids(world);
      await world.query(`select pg_terminate_backend(${pid})`);
      const result = await run.done;
      await blocker.end();
      return result;
    },
  },
  {
    name: 'the server ends the session that holds the snapshot',
    how: 'pg_terminate_backend while pg_dump reads tables',
    code: 10,
    says: ['the session that held the snapshot was ended', 'the snapshot cannot be read'],
    async happen(world) {
      const { run, blocker } = await stickDump(world);
      const terminate = `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = 'app_dumper' and application_name like 'aisha-db backup%' and state = 'idle in transaction'`;
      // It may still be at work on the sums.
      await expect.poll(() => world.query(terminate)).not.toEqual([]);
      await blocker.end();
      return run.done;
    },
  },
  {
    name: 'the server crashes and comes back',
    how: 'immediate shutdown while pg_dump reads tables, then a start',
    code: 10,
    says: ['pg_dump failed with exit code 1', 'the snapshot cannot be read'],
    async happen(world) {
      const { run } = await stickDump(world);
      await world.crashServer();
      const result = await run.done;
      await world.startServer();
      return result;
    },
  },
  {
    name: 'a table is locked before the dump',
    how: 'LOCK TABLE in another session, longer than backup.lockWait',
    code: 6,
    says: 'tables are locked so that they cannot be backed up',
    async happen(world) {
      await world.configure({ lockWait: '300ms' });
      const other = await world.connect();
      await other.query('begin; lock table public.invoice');
      const result = await world.run(['backup']);
      await other.end();
      expect(result.stderr).toMatch(/pid \d+, role app_owner.*holds public\.invoice/);
      return result;
    },
  },
  {
    name: 'the dump is blocked for good',
    how: 'DROP SEQUENCE in a transaction that stays open, longer than backup.idleTimeout',
    code: 10,
    says: 'the dump has not moved for 3 s',
    async happen(world) {
      const { run, blocker } = await stickDump(world, { idleTimeout: '3s', lockWait: '60s' });
      // Not on a terminal: how far it is comes in lines of its own.
      await run.stderrContains(/^dumping: \d+ %, \d+ of about [\d,]+ rows?/m);
      const result = await run.done;
      await blocker.end();
      expect(result.stderr).toMatch(/blocked by pid \d+, role app_owner/);
      return result;
    },
  },
  {
    name: 'pg_dump is of the wrong version',
    how: 'only a pg_dump 12 in backup.binDir',
    code: 11,
    says: 'pg_dump 12.22, which is too old',
    async happen(world) {
      const binDir = await programs('echo "$(basename "$0") (PostgreSQL) 12.22"', ['pg_dump', 'pg_restore']);
      await world.configure({ binDir });
      return world.run(['backup']);
    },
  },
  {
    name: 'row-level security hides rows',
    how: 'the owner of a table with FORCE ROW LEVEL SECURITY backs up',
    code: 10,
    says: 'row-level security hides rows of public.invoice from app_owner, its owner, because it is forced',
    happen: (world) => world.run(['backup'], { DATABASE_URL: world.url('app_owner') }),
  },
  // ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────
  ...(
    [
      ['a file is cut', 'half of the largest file', 'bytes and had', (file) => truncateSync(file, 10_000)],
      ['a bit flips', 'in the middle of the largest file', 'has other content than it had', flip],
      ['a file is empty', 'the largest one cut to nothing', 'has 0 bytes and had', (file) => truncateSync(file, 0)],
      ['a file is missing', 'the largest one', 'is missing', (file) => rmSync(file)],
      [
        'two files are swapped',
        'the largest one and the catalog',
        'catalog.json',
        (file) => {
          const catalog = join(file, '../../catalog.json');
          renameSync(file, `${file}.free`);
          renameSync(catalog, file);
          renameSync(`${file}.free`, catalog);
        },
      ],
    ] satisfies readonly Damage[]
  ).map(([name, how, says, damage]) => ({
    name,
    how,
    code: 10,
    says,
    sparesBackups: true,
    happen: (world: World) => verifyDamaged(world, damage),
  })),
  {
    name: 'the manifest is lost',
    how: 'manifest.json removed',
    code: 1,
    says: 'is no backup: it has no manifest',
    sparesBackups: true,
    async happen(world) {
      const manifest = join(world.backups().at(-1)!.path, 'manifest.json');
      renameSync(manifest, join(world.project, 'kept'));
      const result = await world.run(['backup', 'list']);
      renameSync(join(world.project, 'kept'), manifest);
      return { ...result, stderr: result.stdout };
    },
  },
  // ── restores ────────────────────────────────────────────────────────────────────────────────────────────────────
  ...RESTORE_FAULTS.map((fault) => ({ ...fault, sparesBackups: true })),
  // ── external storage ────────────────────────────────────────────────────────────────────────────────────────────
  ...(
    [
      [
        'the line to external storage is cut',
        'every connection reset after 900 bytes',
        'the connection failed',
        {},
        {},
      ],
      ['external storage has too much to do', 'HTTP 503 for every request', 'HTTP 503', {}, {}],
      [
        'external storage refuses the credentials',
        'an unknown key',
        'refuses these credentials',
        { AWS_ACCESS_KEY_ID: 'x' },
        {},
      ],
      [
        'the bucket is gone',
        'a bucket that there is not',
        'there is no such bucket',
        {},
        { url: 's3://no-such-bucket' },
      ],
      [
        'external storage does not answer',
        'a port on which nobody listens',
        'the connection failed',
        {},
        { endpoint: 'http://127.0.0.1:1' },
      ],
    ] satisfies readonly StorageFault[]
  ).map(([name, how, says, env, remote]) => ({
    name,
    how,
    code: 10,
    says,
    sparesBackups: true,
    async happen(world: World) {
      const s3 = await startS3();
      const settings = { url: `s3://${s3.bucket}`, endpoint: s3.endpoint };
      await world.configure({ remote: { ...settings, ...remote } });
      if (how.startsWith('every connection')) s3.cut(100, 900);
      if (how.startsWith('HTTP 503')) s3.overload(100);
      const result = await world.run(['backup', 'push', '--no-encrypt'], { ...s3.env, ...env });
      s3.cut(0, 0);
      s3.overload(0);
      // What was not finished is no copy, and the next push makes one.
      await world.configure({ remote: settings });
      expect((await world.run(['backup', 'list', '--remote'], s3.env)).stdout).toContain('no copy in');
      expect((await world.run(['backup', 'push', '--no-encrypt'], s3.env)).code).toBe(0);
      return result;
    },
  })),
];

type StorageFault = readonly [
  name: string,
  how: string,
  says: string,
  env: Readonly<Record<string, string>>,
  remote: Readonly<Record<string, string>>,
];

type Damage = readonly [name: string, how: string, says: string, damage: (file: string) => void];

const FAIL_FSYNC = 'strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=EIO';

/** What `verify` says of a backup that something has happened to, which is mended afterwards. */
async function verifyDamaged(world: World, damage: (file: string) => void): Promise<RunResult> {
  const { path } = world.backups().at(-1)!;
  const kept = join(world.project, 'kept');
  execFileSync('cp', ['-a', path, kept]);
  const dump = join(path, 'dump');
  const sizes = readdirSync(dump).map(
    (name) => [Number(execFileSync('stat', ['-c', '%s', join(dump, name)])), name] as const,
  );
  const [, largest] = sizes.sort(([a], [b]) => b - a)[0]!;
  damage(join(dump, largest));
  const result = await world.run(['backup', 'verify', 'latest']);
  rmSync(path, { recursive: true });
  renameSync(kept, path);
  return result;
}

function flip(file: string): void {
  const copy = `${file}.copy`;
  copyFileSync(file, copy);
  const bytes = Buffer.from(execFileSync('cat', [copy], { maxBuffer: 1e9 }));
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  writeFileSync(file, bytes);
  rmSync(copy);
}

/** Takes a backup with a shell script around the real pg_dump. */
async function runWithTool(world: World, script: string, jobs: number): Promise<RunResult> {
  const real = realBinDir()!;
  const binDir = await programs(
    `real='${real}'/$(basename "$0"); if [ "$1" = --version ]; then exec "$real" --version; fi; ${script}`,
    ['pg_dump', 'pg_restore'],
  );
  await world.configure({ binDir });
  return world.run(['backup', '--dump-format', 'directory', '--jobs', String(jobs)]);
}

async function programs(script: string, names: readonly string[]): Promise<string> {
  const binDir = await makeFolder(Object.fromEntries(names.map((name) => [name, `#!/bin/sh\n${script}\n`])));
  for (const name of names) chmodSync(join(binDir, name), 0o755);
  return binDir;
}

/** Writes until nothing more goes in. */
function fill(file: string): void {
  try {
    for (let size = 1; ; size *= 2) writeFileSync(file, Buffer.alloc(size * 65_536));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function killIfThere(pid: number): void {
  if (isThere(pid)) process.kill(pid, 'SIGKILL');
}
