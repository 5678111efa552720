// What the gate costs a file, on a catalog of tables with RLS: each run applies the same files with the gate and without.
//   node bench/gate.mjs [--tables 500] [--files 100] [--rounds 3]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '500' },
    files: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
  },
});
const [tables, files, rounds] = [values.tables, values.files, values.rounds].map(Number);
const PROGRAM = resolve(import.meta.dirname, '../bin/aisha-db.js');

/** What a file does, and what the gate has to do about it. */
const KINDS = {
  'inserts a row': (n) => `insert into t0 (id, tenant_id) values (${n}, gen_random_uuid())`,
  'adds a column': (n) => `alter table t${n % tables} add column added_${n} int`,
  'creates a table with RLS': (n) =>
    `create table new_${n} (tenant_id uuid); alter table new_${n} enable row level security`,
  'creates a function': (n) => `create function f_${n}() returns int language sql as 'select ${n}'`,
  'replaces a policy': (n) =>
    `drop policy isolation on t${n % tables}; create policy isolation on t${n % tables} using (${MINE})`,
};
const MINE = "tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid";

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-gate-'));
const server = await startScratchServer({ durable: false });
try {
  await run('postgres', 'create role anon', 'create role authenticated', 'create database template_of_bench');
  await run('template_of_bench', schema());
  console.log(`${tables} tables, ${files} files, median of ${rounds} rounds; ms per file`);
  for (const [kind, sql] of Object.entries(KINDS)) {
    const costs = { off: [], enforce: [] };
    const dir = writeProject(kind, sql);
    for (let round = 0; round < rounds; round++)
      for (const mode of ['off', 'enforce']) costs[mode].push(await measure(dir, mode));
    const [off, on] = [median(costs.off), median(costs.enforce)];
    console.log(
      [kind.padEnd(26), `off ${off.toFixed(2)}`, `on ${on.toFixed(2)}`, `gate ${(on - off).toFixed(2)}`].join('  '),
    );
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function schema() {
  const one = (n) => `
    create table t${n} (id int, tenant_id uuid, name text);
    create index on t${n} (tenant_id);
    grant select, insert, update, delete on t${n} to authenticated;
    alter table t${n} enable row level security, force row level security;
    create policy isolation on t${n} using (${MINE});`;
  return `grant usage on schema public to anon, authenticated; ${Array.from({ length: tables }, (_, n) => one(n)).join('')}`;
}

function writeProject(kind, sql) {
  const dir = join(folder, kind.replaceAll(' ', '-'));
  mkdirSync(dir);
  for (let n = 1; n <= files; n++) writeFileSync(join(dir, `${String(n).padStart(4, '0')}_x.sql`), sql(n));
  return dir;
}

/** Milliseconds of all files by the report's own clock, by file: start-up and plan are not the gate's. */
async function measure(dir, mode) {
  await run('postgres', 'drop database if exists bench', 'create database bench template template_of_bench');
  const config = join(folder, `${mode}.json`);
  writeFileSync(config, JSON.stringify({ gate: { mode } }));
  const args = ['migrate', '--config', config, '--dir', dir, '--format', 'json', '--database-url', server.url('bench')];
  const report = JSON.parse(await output([PROGRAM, ...args]));
  if (report.exitCode !== 0) throw new Error(JSON.stringify(report.error));
  return report.data.migrations.reduce((sum, { durationMs }) => sum + durationMs, 0) / files;
}

function output(args) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('error', failed);
    child.once('close', () => done(text));
  });
}

async function run(database, ...statements) {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
