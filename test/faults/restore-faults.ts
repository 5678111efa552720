import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { expect } from 'vitest';
import type { Fault } from './faults.ts';
import {
  COPY,
  DATABASE,
  expectNothingLeft,
  type HeldRun,
  holdTool,
  scratchFoldersOf,
  stuckPids,
  type World,
} from './world.ts';

const RESTORE = ['restore', 'latest', '--into', COPY, '--jobs', '2'];

/** What goes wrong while a backup is restored or proved by a restore. */
export const RESTORE_FAULTS: readonly Fault[] = [
  {
    name: 'pg_restore is killed',
    how: 'kill -9 while it restores',
    code: 10,
    says: 'pg_restore was ended by SIGKILL',
    async happen(world) {
      const { run, tools } = await stickRestore(world);
      process.kill(await tools.pid(), 'SIGKILL');
      return nothingRestored(world, await run.done);
    },
  },
  {
    name: 'a restore is interrupted',
    how: 'SIGTERM while pg_restore restores',
    code: 130,
    says: 'interrupted',
    async happen(world) {
      const { run } = await stickRestore(world);
      run.kill('SIGTERM');
      return nothingRestored(world, await run.done);
    },
  },
  {
    name: 'a restore is blocked for good',
    how: 'CREATE TABLE of the same name in a transaction that stays open, longer than backup.idleTimeout',
    code: 10,
    says: 'the restore has not moved for 3 s',
    async happen(world) {
      const { run } = await stickRestore(world, { idleTimeout: '3s' });
      const result = await run.done;
      expect(result.stderr).toMatch(/blocked by pid \d+, role app_owner/);
      return nothingRestored(world, result);
    },
  },
  {
    name: 'the server ends the sessions of pg_restore',
    how: 'pg_terminate_backend',
    code: 10,
    says: 'terminating connection due to administrator command',
    async happen(world) {
      const { run } = await stickRestore(world);
      const [pid] = await stuckPids(world);
      await world.query(`select pg_terminate_backend(${pid})`);
      return nothingRestored(world, await run.done);
    },
  },
  {
    name: 'the server crashes under a restore and comes back',
    how: 'immediate shutdown while pg_restore restores, then a start',
    code: 10,
    says: 'server closed the connection unexpectedly',
    async happen(world) {
      const { run } = await stickRestore(world);
      await world.crashServer();
      const result = await run.done;
      await world.startServer();
      await restoreAgain(world);
      return result;
    },
  },
  {
    name: 'two restores into one database at once',
    how: 'a second restore beside one that is held',
    code: 10,
    says: `another restore into ${COPY} still runs`,
    async happen(world) {
      const { run, tools } = await holdTool(world, 'pg_restore', RESTORE);
      const second = await world.run(RESTORE);
      await tools.release();
      expect((await run.done).code).toBe(0);
      expect(await world.sql(COPY, 'select count(*)::int as rows from public.invoice')).toEqual([{ rows: 4000 }]);
      return second;
    },
  },
  {
    name: 'a restore is killed',
    how: 'kill -9 while pg_restore restores, which goes on without it; the next restore ends that',
    code: 'killed',
    says: '',
    async happen(world) {
      const { run, blocker } = await stickRestore(world);
      run.kill('SIGKILL');
      const result = await run.done;
      await blocker.query('select 1');
      const next = await restoreAgain(world);
      expect(next).toMatch(/cleared away what the run \S+ of \S+ had left/);
      return result;
    },
  },
  {
    name: 'a restore is killed, at any moment',
    how: 'kill -9 at random moments of the whole run',
    code: 'killed',
    says: '',
    repeated: true,
    async happen(world) {
      const result = await world.killSometime(RESTORE, 2);
      await restoreAgain(world);
      return result;
    },
  },
  {
    name: 'a restore in place is killed, at any moment',
    how: 'kill -9 at random moments of the whole run; what was there is there or in a backup, and the next run does it',
    code: 'killed',
    says: '',
    repeated: true,
    async happen(world) {
      const { id } = world.backups().at(-1)!.manifest;
      const inPlace = ['restore', id, '--in-place', '--confirm', DATABASE, '--end-sessions'];
      await world.query(`update "Odd 100%" set text = 'since'`);
      const result = await world.killSometime(inPlace, 5);
      const [row] = await world.query(
        'select text, (select count(*)::int from public.invoice) as rows from "Odd 100%"',
      );
      expect(row).toEqual({ text: expect.stringMatching(/^(since|it's <\/script>)$/), rows: 4000 });
      // Once the old rows are back, those that they have replaced are in a backup.
      if (row.text !== 'since') expect(world.backups().at(-1)!.manifest.id > id).toBe(true);
      await world.configure({});
      const next = await world.run(inPlace);
      expect(next.code, next.stderr).toBe(0);
      expect(await world.query('select text from "Odd 100%"')).toEqual([{ text: `it's </script>` }]);
      return result;
    },
  },
  {
    name: 'pg_restore is killed in a verification',
    how: 'kill -9; it says nothing about the backup, which stays what it was',
    code: 10,
    says: 'pg_restore was ended by SIGKILL',
    happen: (world) => verifyHeld(world, async (tools) => process.kill(await tools.pid(), 'SIGKILL')),
  },
  {
    name: 'the scratch server of a verification dies',
    how: 'kill -9; it says nothing about the backup, which stays what it was',
    code: 10,
    says: 'the scratch server failed',
    happen: (world) =>
      verifyHeld(world, async (tools, pid) => {
        process.kill(scratchServerOf(pid), 'SIGKILL');
        await tools.release();
      }),
  },
];

interface StuckRestore extends HeldRun {
  /** A session in the database that is restored into. */
  readonly blocker: pg.Client;
}

/** A restore in its middle: it waits for a table that somebody else is making. */
async function stickRestore(world: World, settings: Readonly<Record<string, unknown>> = {}): Promise<StuckRestore> {
  const held = await holdTool(world, 'pg_restore', RESTORE, settings);
  const blocker = await world.connect(COPY);
  await blocker.query('begin; create table public.invoice (id int)');
  await held.tools.release();
  await expect.poll(() => stuckPids(world), { timeout: 30_000 }).toHaveLength(1);
  return { ...held, blocker };
}

/** The database that was made for a restore is gone, and so is everything else of it; the next one succeeds. */
async function nothingRestored<T>(world: World, result: T): Promise<T> {
  expect(await world.copies()).toEqual([]);
  await expectNothingLeft(world);
  await restoreAgain(world);
  return result;
}

/** A run that was killed when all was done has left a database that is whole and is not restored over. */
async function restoreAgain(world: World): Promise<string> {
  await world.configure({});
  const { code, stderr } = await world.run(RESTORE);
  if (!stderr.includes('is not empty')) expect(code, stderr).toBe(0);
  expect(await world.sql(COPY, 'select count(*)::int as rows from public.invoice')).toEqual([{ rows: 4000 }]);
  return stderr;
}

async function verifyHeld(
  world: World,
  happen: (tools: HeldRun['tools'], pid: number) => Promise<unknown>,
): Promise<Awaited<HeldRun['run']['done']>> {
  const { state } = world.backups().at(-1)!;
  const { run, tools } = await holdTool(world, 'pg_restore', ['backup', 'verify', 'latest', '--restore']);
  await happen(tools, run.pid);
  const result = await run.done;
  expect(world.backups().at(-1)!.state).toBe(state);
  expect(scratchFoldersOf(run.pid)).toEqual([]);
  return result;
}

/** Pid of the server that a run has started. */
function scratchServerOf(pid: number): number {
  const files = scratchFoldersOf(pid).map((name) => join(tmpdir(), name, 'data/postmaster.pid'));
  return Number(readFileSync(files.find((file) => existsSync(file))!, 'utf8').split('\n')[0]);
}
