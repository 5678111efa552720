// How much slower writers get while `rls-check --prove` and `--prove=rows` look at the tables that they write to, and
// whether any of them sees an error: short transactions of several tenants on a table of some million rows.
//   node bench/prove-writers.mjs [--rows 2000000] [--rate 200] [--clients 6] [--rounds 3] [--seconds 10]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { measureRun, median, print } from './measure.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000000' },
    rate: { type: 'string', default: '200' },
    clients: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
  },
});
const AISHA = join(resolve(import.meta.dirname, '..'), 'bin', 'aisha-db.js');
const TENANTS = 50;
const tenant = (n) => `00000000-0000-4000-8000-${String((n % TENANTS) + 1).padStart(12, '0')}`;

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
writeFileSync(join(folder, 'aisha-db.config.json'), JSON.stringify({ tenancy: { apiSchemas: ['public'] } }));
const server = await startScratchServer({ durable: true });
const problems = [];
try {
  await makeTables();
  const before = await countRows();
  const writers = await Promise.all(Array.from({ length: Number(values.clients) }, (_, at) => openWriter(at)));
  let isOver = false;
  const writing = Promise.all(writers.map((writer) => writeUntil(writer, () => isOver)));
  print(['while', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'p99 x alone', 'wall s', 'client MiB'], true);
  // Connections and caches are warm by then.
  await sleep(3_000);
  for (const option of ['--prove', '--prove=rows']) {
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const alone = await during(writers, () => sleep(Number(values.seconds) * 1_000));
      const proving = await during(writers, () => prove(option));
      rounds.push({ alone, proving });
    }
    report(option, rounds);
  }
  isOver = true;
  await writing;
  const expected = before + writers.reduce((sum, { gained }) => sum + gained, 0);
  const after = await countRows();
  if (after !== expected) problems.push(`${after} rows instead of ${expected}`);
  for (const { client } of writers) await client.end();
  const deadlocks = await ask('select deadlocks::int as n from pg_stat_database where datname = current_database()');
  if (deadlocks[0].n > 0) problems.push(`${deadlocks[0].n} deadlocks`);
  const done = writers.reduce((sum, writer) => sum + writer.total, 0);
  console.log(
    `${values.rows} rows, ${values.clients} writers, ${done} transactions, PostgreSQL ${server.version}, load of the machine ${loadavg()[0].toFixed(1)}; ${problems.length === 0 ? 'no error, no deadlock, no row more or less' : problems.join('; ')}`,
  );
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** A sound table, and one that lets everybody at everything: its rows are what blind statements reach. */
async function makeTables() {
  await ask(`create role authenticated nologin; create role service_role nologin bypassrls;
    grant usage on schema public to authenticated, service_role;
    create table tenant (id uuid primary key);
    insert into tenant select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid from generate_series(1, ${TENANTS}) n;
    alter table tenant enable row level security; alter table tenant force row level security;
    create policy own on tenant using (id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);
    grant select, insert, update, delete on tenant to authenticated, service_role`);
  for (const [name, condition] of [
    ['sound', "tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid)"],
    ['leaky', 'true'],
  ])
    await ask(`
      create table ${name} (id bigint generated always as identity primary key, tenant_id uuid not null references tenant,
        key int not null, note text not null);
      insert into ${name} (tenant_id, key, note)
        select ('00000000-0000-4000-8000-' || lpad((n % ${TENANTS} + 1)::text, 12, '0'))::uuid, n, 'note ' || n
        from generate_series(1, ${Number(values.rows)}) n;
      create unique index on ${name} (tenant_id, key);
      alter table ${name} enable row level security; alter table ${name} force row level security;
      create policy own on ${name} using (${condition});
      grant select, insert, update, delete on ${name} to authenticated, service_role;
      analyze ${name}`);
  await ask('checkpoint');
}

async function ask(sql) {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function countRows() {
  const [{ n }] = await ask('select ((select count(*) from sound) + (select count(*) from leaky))::int as n');
  return n;
}

async function openWriter(at) {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`set role authenticated; set app.current_tenant_id = '${tenant(at)}'`);
  return { client, at, tenant: tenant(at), latencies: [], gained: 0, total: 0 };
}

/** One short transaction after the other, at its share of the rate; rows of its own are added, changed and removed. */
async function writeUntil(writer, isOver) {
  const interval = (1_000 * Number(values.clients)) / Number(values.rate);
  let next = performance.now();
  for (let turn = 0; !isOver(); turn++) {
    next += interval;
    await sleep(Math.max(0, next - performance.now()));
    const started = performance.now();
    try {
      await writeOnce(writer, turn);
    } catch (error) {
      problems.push(error.message);
      await writer.client.query('rollback');
    }
    writer.latencies.push(performance.now() - started);
    writer.total++;
  }
}

async function writeOnce(writer, turn) {
  const table = turn % 2 === 0 ? 'sound' : 'leaky';
  const own = Number(values.rows) + 1_000_000 + writer.at * 10_000_000;
  // Rows that everybody's statements may reach: the oldest of the tenant, which a proof takes as well.
  const old = `(select id from ${table} where tenant_id = '${writer.tenant}' order by key limit 1 offset ${turn % 5})`;
  const added = await writer.client.query(`begin;
    insert into ${table} (tenant_id, key, note) values ('${writer.tenant}', ${own + (turn % 100)}, 'new')
      on conflict (tenant_id, key) do nothing`);
  const changed = await writer.client.query(`update ${table} set note = 'turn ${turn}' where id = ${old}`);
  if (changed.rowCount !== 1) problems.push(`an update reached ${changed.rowCount} rows`);
  const removed = await writer.client.query(
    `delete from ${table} where tenant_id = '${writer.tenant}' and key = ${own + ((turn + 50) % 100)}`,
  );
  await writer.client.query('commit');
  writer.gained += added[1].rowCount - removed.rowCount;
}

/** Latencies (ms) of all writers while something goes on, and what came of that. */
async function during(writers, work) {
  for (const writer of writers) writer.latencies = [];
  const outcome = await work();
  const all = writers.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (share) => all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: all.at(-1) ?? 0, ...outcome };
}

async function prove(option) {
  // leaky is refuted: exit code 1.
  return measureRun([AISHA, 'rls-check', '--quiet', '--format', 'json', option], {
    server,
    database: 'postgres',
    folder,
    codes: [1],
  });
}

function report(option, rounds) {
  const of = (kind, key) => median(rounds.map((round) => round[kind][key]));
  const cells = (kind) => ['p50', 'p95', 'p99', 'max'].map((key) => of(kind, key).toFixed(1));
  const ratio = median(rounds.map(({ alone, proving }) => proving.p99 / alone.p99));
  print(['nothing', ...cells('alone'), '1.00', '-', '-']);
  print([
    option,
    ...cells('proving'),
    ratio.toFixed(2),
    of('proving', 'wallS').toFixed(1),
    of('proving', 'rssMiB').toFixed(0),
  ]);
}
