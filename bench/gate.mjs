// What the gate costs a file, on a catalog of tables with RLS: each run applies the same files with the gate and without.
//   node bench/gate.mjs [--tables 500] [--files 100] [--rounds 3] [--only WORDS]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    only: { type: 'string' },
  },
});
const [tables, files, rounds] = [values.tables, values.files, values.rounds].map(Number);
const PROGRAM = resolve(import.meta.dirname, '../bin/aisha-db.js');

const MINE = "tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid";

const secured = (table, using = MINE) => `
  create table ${table} (id int, tenant_id uuid);
  alter table ${table} enable row level security, force row level security;
  create policy isolation on ${table} using (${using});`;
const replaced = (table, using) =>
  `drop policy isolation on ${table}; create policy isolation on ${table} using (${using})`;

/** It says as much in other words, and in such as nobody could tell without asking. */
const RESPELLED = "tenant_id::text = (select current_setting('app.current_tenant_id', true))";
const OTHERWISE = "tenant_id = any (array[nullif(current_setting('app.current_tenant_id', true), '')::uuid])";

/** Tables beside the others whose RLS is not forced. */
const LOOSE = 20;

/** What a file does, and so what the gate has to do about it. */
const KINDS = {
  'inserts a row': (n) => `insert into t0 (id, tenant_id) values (${n}, gen_random_uuid())`,
  'adds a column': (n) => `alter table t${n % tables} add column added_${n} int`,
  'adds a column where RLS is not forced': (n) => `alter table loose_${n % LOOSE} add column added_${n} int`,
  'creates a table with policies': (n) => secured(`new_${n}`),
  'replaces a policy by an equal one': (n) => replaced(`t${n % tables}`, MINE),
  'replaces a policy by a stricter one': (n) => replaced(`t${n % tables}`, `${MINE} and id > ${n}`),
  'replaces a policy by a stricter OR': (n) =>
    replaced(`t${n % tables}`, `${MINE} and id > ${n} or id = ${n} and ${MINE}`),
  'replaces a policy by one respelled': (n) => replaced(`t${n % tables}`, `${RESPELLED} and id > ${n}`),
  'replaces policies by the same other': (n) => replaced(`t${n % tables}`, OTHERWISE),
  'replaces a policy by another one': (n) => replaced(`t${n % tables}`, `${OTHERWISE} and id > ${n}`),
  'creates a function': (n) => `create function f_${n}() returns int language sql as 'select ${n}'`,
  'creates a view': (n) => `create view v_${n} as select id from t${n % tables}`,
};

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-gate-'));
const server = await startScratchServer({ settings: { autovacuum: 'off' } });
try {
  await run('postgres', 'create role anon', 'create role authenticated', 'create database template_of_bench');
  await run('template_of_bench', schema());
  console.log(
    `${tables} tables, ${files} files, best of ${rounds} rounds; ms per file: wall time, and CPU time of both sides`,
  );
  for (const [kind, sql] of Object.entries(KINDS)) {
    if (values.only && !kind.includes(values.only)) continue;
    const costs = { off: [], enforce: [] };
    const dir = writeProject(kind, sql);
    for (let round = 0; round < rounds; round++)
      for (const mode of ['off', 'enforce']) costs[mode].push(await measure(dir, mode));
    const cells = ['wall', 'cpu'].map((what) => {
      const [off, on] = ['off', 'enforce'].map((mode) => Math.min(...costs[mode].map((cost) => cost[what])));
      return `${what}: off ${off.toFixed(1)}, on ${on.toFixed(1)}, gate ${(on - off).toFixed(1)}`;
    });
    console.log([kind.padEnd(38), ...cells].join('  '));
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
  const loose = (n) => `${secured(`loose_${n}`)} alter table loose_${n} no force row level security;`;
  return [
    'grant usage on schema public to anon, authenticated;',
    ...Array.from({ length: tables }, (_, n) => one(n)),
    ...Array.from({ length: LOOSE }, (_, n) => loose(n)),
  ].join('');
}

function writeProject(kind, sql) {
  const dir = join(folder, kind.replaceAll(' ', '-'));
  mkdirSync(dir);
  for (let n = 1; n <= files; n++) writeFileSync(join(dir, `${String(n).padStart(4, '0')}_x.sql`), sql(n));
  return dir;
}

/**
 * Milliseconds by file. Wall time by the report's own clock: start-up and plan are not the gate's. CPU time of everything,
 * start-up included, which is the same with the gate and without.
 */
async function measure(dir, mode) {
  await run('postgres', 'drop database if exists bench', 'create database bench template template_of_bench');
  const config = join(folder, `${mode}.json`);
  writeFileSync(config, JSON.stringify({ gate: { mode } }));
  const args = [
    'migrate',
    '--no-backup',
    '--config',
    config,
    '--dir',
    dir,
    '--format',
    'json',
    '--database-url',
    server.url('bench'),
  ];
  const before = await cpuOfChildren();
  const report = JSON.parse(await output([PROGRAM, ...args]));
  if (report.exitCode !== 0) throw new Error(JSON.stringify(report.error));
  const cpu = ((await cpuOfChildren()) - before) / files;
  return { wall: report.data.migrations.reduce((sum, { durationMs }) => sum + durationMs, 0) / files, cpu };
}

/** Milliseconds that ended children of this process and of the server took (Linux, proc(5): cutime and cstime). */
async function cpuOfChildren() {
  // A server process ends a moment after its client.
  await new Promise((done) => setTimeout(done, 300));
  const ticks = ['self', server.pid].map((process) => {
    const fields = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return Number(fields[13]) + Number(fields[14]);
  });
  return (ticks[0] + ticks[1]) * 10;
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
