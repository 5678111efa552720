/** @module-tag since-13 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '../support/database.ts';
import type { StartedCli } from '../support/run.ts';
import { makeProject, tables } from './project.ts';

const MIB = 1024 * 1024;

/** INSERT statements of so many bytes in all, numbered from 1. */
function inserts(bytes: number): { sql: string; count: number } {
  const statements: string[] = [];
  for (let length = 0; length < bytes; ) {
    const statement = `insert into a (id, t) values (${statements.length + 1}, '${'line é; '.repeat(12)}');`;
    statements.push(statement);
    length += Buffer.byteLength(statement) + 1;
  }
  return { sql: `${statements.join('\n')}\n`, count: statements.length };
}

/** The most memory (bytes) the process had at any time, as Linux tells while it lives; elsewhere 0. */
async function peakMemory(run: StartedCli): Promise<number> {
  const path = `/proc/${run.pid}/status`;
  const state = { peak: 0, ended: false };
  run.done.finally(() => {
    state.ended = true;
  });
  while (!state.ended && existsSync(path)) {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8')) ?? [];
    state.peak = Math.max(state.peak, Number(kilobytes ?? 0) * 1024);
    await sleep(20);
  }
  return state.peak;
}

test('a file of 12 MB is applied in one transaction and in little memory', async ({ db }) => {
  const { sql, count } = inserts(12 * 1000 * 1000);
  const project = await makeProject(db, { '001_big.sql': `create table a (id int, t text);\n${sql}` });
  const run = project.start();
  const peak = await peakMemory(run);
  const result = await run.done;
  expect(result.code, result.stderr).toBe(0);
  expect(await db.query('select count(*)::int as n, max(id) as last from a')).toEqual([{ n: count, last: count }]);
  expect(peak).toBeLessThan(400 * MIB);
  if (process.platform === 'linux') expect(peak).toBeGreaterThan(20 * MIB);
});

test('a big file that fails at its end leaves nothing, and shows where', async ({ db }) => {
  const { sql, count } = inserts(2 * MIB);
  const project = await makeProject(db, {
    '001_big.sql': `create table a (id int, t text);\n${sql}insert into a values ('x');`,
  });
  const result = await project.migrate();
  expect(result.code).toBe(7);
  expect(result.json().error.message).toContain(`at 001_big.sql:${count + 2}:23`);
  expect(await tables(db)).toEqual([]);
});

test('a syntax error among statements that repeat each other is found before anything is applied', async ({ db }) => {
  const { sql, count } = inserts(2 * MIB);
  const project = await makeProject(db, {
    '001_small.sql': 'create table small (id int);',
    '002_big.sql': `create table a (id int, t text);\n${sql}insert into a (id, t) values (1, 'x',);\n${sql}`,
  });
  const result = await project.migrate();
  expect(result.code).toBe(4);
  expect(result.json().error.details.join('\n')).toContain(`002_big.sql:${count + 2}:38`);
  expect(await tables(db)).toEqual([]);
});

test('one statement of 3 MB is sent whole', async ({ db }) => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `(${i}, '${'é'.repeat(40)}')`);
  const project = await makeProject(db, {
    '001_big.sql': `create table a (id int, t text);\ninsert into a values ${rows.join(',\n')};\ncreate table b as select count(*)::int as n from a;`,
  });
  await project.succeed();
  expect(await db.query('select n from b')).toEqual([{ n: 30_000 }]);
});

test('5,000 pending files in one run do not use up the lock table of a default server', async ({ db }) => {
  expect(await db.query("select current_setting('max_locks_per_transaction') as n")).toEqual([{ n: '64' }]);
  const files = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [
      `${String(i + 1).padStart(4, '0')}_f.sql`,
      `create table t${i} (id int);`,
    ]),
  );
  const project = await makeProject(db, files, { timeoutMs: 110_000 });
  await project.succeed('--quiet');
  expect(await tables(db)).toHaveLength(5_000);
  expect(await project.ledger()).toHaveLength(5_000);
});
