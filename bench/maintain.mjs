// How much slower others get while `maintain monthly` works: the latencies of a steady pgbench load on a private, durable
// server, without maintenance and with it, as it is by default and within `maintenance.window`, where it does all at once.
//   node bench/maintain.mjs [--rounds 3] [--seconds 30] [--scale 20] [--rate 200] [--clients 4] [--saturate]
// --saturate adds the same under as many transactions as the server takes: then whoever does anything slows others down.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { median, print } from './measure.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '30' },
    scale: { type: 'string', default: '20' },
    rate: { type: 'string', default: '200' },
    clients: { type: 'string', default: '4' },
    saturate: { type: 'boolean', default: false },
  },
});
/** To reach: p99 with maintenance, of that without. */
const TARGET = 1.2;
const PROGRAM = resolve(import.meta.dirname, '..', 'bin', 'aisha-db.js');
const pgbench = findPgbench();
if (pgbench === undefined) {
  console.log('skipped: pgbench is not installed (Debian: postgresql-15 has it; PGBENCH names another)');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
const server = await startScratchServer({ durable: true });
const environment = { ...process.env, ...addressOf(server.url('postgres')), DATABASE_URL: server.url('postgres') };
try {
  await run(pgbench, ['--initialize', '--quiet', '--scale', values.scale]);
  for (const [name, rate, window] of conditions()) {
    configure(window);
    const rounds = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      await makeBloat();
      const place = join(folder, `${name}-${round}`.replaceAll(/\W/g, '-'));
      const without = await load(`${place}-without`, rate, () => sleep(Number(values.seconds) * 1_000));
      // Both begin as far from a checkpoint: the first change of each page after it is written to the log as a whole.
      await onServer('checkpoint');
      const withIt = await load(`${place}-with`, rate, maintain);
      rounds.push({ without, withIt });
    }
    report(name, rounds);
  }
  console.log(
    `scale ${values.scale}, ${values.clients} clients, PostgreSQL ${server.version}, load of the machine ${loadavg()[0].toFixed(1)}`,
  );
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function findPgbench() {
  const known = [
    process.env['PGBENCH'],
    ...[18, 17, 16, 15, 14, 13].map((v) => `/usr/lib/postgresql/${v}/bin/pgbench`),
  ];
  const found = known.find((path) => path !== undefined && existsSync(path));
  return found ?? (spawnSync('pgbench', ['--version']).status === 0 ? 'pgbench' : undefined);
}

function addressOf(url) {
  const { hostname, port, username, password, pathname } = new URL(url);
  const address = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) };
  return { ...address, PGDATABASE: pathname.slice(1) };
}

/** A production server is not at its limit; where it is, whatever else runs takes from the others. */
function* conditions() {
  const hours = '00:00-23:59';
  yield [`${values.rate} transactions a second`, values.rate, undefined];
  yield [`${values.rate} transactions a second, in maintenance.window`, values.rate, hours];
  if (values.saturate) yield ['as many transactions as the server takes', undefined, undefined];
}

/** Work only: the questions are measured by bench/diagnose.mjs. No patience: waiting would count as maintenance. */
function configure(window) {
  const routines = { monthly: ['vacuum', 'analyze', 'reindex'] };
  writeFileSync(
    join(folder, 'aisha-db.config.json'),
    JSON.stringify({ maintenance: { routines, patience: 0, ...(window === undefined ? {} : { window }) } }),
  );
}

/** A third of the accounts dead, and a table beside them of which nine rows of ten are gone, with its index. */
async function makeBloat() {
  await onServer(
    'update pgbench_accounts set abalance = abalance + 1 where aid % 3 = 0',
    'drop table if exists notes',
    'create table notes (id int primary key, word text) with (autovacuum_enabled = false)',
    'insert into notes select n, md5(n::text) from generate_series(1, 1000000) n',
    'create index on notes (word)',
    'delete from notes where id % 10 <> 0',
    'checkpoint',
  );
}

async function onServer(...statements) {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  for (const sql of statements) await client.query(sql);
  await client.end();
}

/** Latencies (ms) of the load while `during` goes on, and how long (s) that took. */
async function load(logs, rate, during) {
  mkdirSync(logs);
  // Longer than anything measured here: it is ended when the other is done.
  const paced = rate === undefined ? [] : ['--rate', rate];
  const args = ['--no-vacuum', '--client', values.clients, '--jobs', '2', ...paced, '--time', '3600'];
  const child = spawn(pgbench, [...args, '--log', '--log-prefix', join(logs, 'log')], {
    env: environment,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const ended = new Promise((done) => child.once('exit', done));
  // Connections and caches are warm by then.
  await sleep(2_000);
  const from = Date.now();
  const result = await during();
  const until = Date.now();
  child.kill('SIGINT');
  await ended;
  const done = (result ?? []).filter(({ state }) => state === 'done');
  const phases = done.map(({ kind, object, startedAt, ms }) => {
    const begun = Date.parse(startedAt);
    return { name: `${kind} ${object}`, ...quantiles(latencies(logs, begun, begun + ms)), seconds: ms / 1_000 };
  });
  const left = (result ?? [])
    .filter(({ state }) => state === 'left')
    .map(({ object, reason }) => `${object}: ${reason}`);
  return { ...quantiles(latencies(logs, from, until)), seconds: (until - from) / 1_000, phases, left };
}

/** Of the transactions that ended in that time: pgbench's log has microseconds, then the time of the end. */
function latencies(logs, from, until) {
  return readdirSync(logs).flatMap((file) =>
    readFileSync(join(logs, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number))
      .filter(([, , , , seconds, micros]) => {
        const at = seconds * 1_000 + micros / 1_000;
        return at >= from && at <= until;
      })
      .map(([, , latency]) => latency / 1_000),
  );
}

function quantiles(values) {
  const sorted = values.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) };
}

async function maintain() {
  const text = await run(process.execPath, [PROGRAM, 'maintain', 'monthly', '--quiet', '--format', 'json']);
  const { data } = JSON.parse(text);
  const done = data.statements.filter(({ state }) => state === 'done');
  const kinds = ['vacuum', 'reindex'].filter((kind) => !done.some((one) => one.kind === kind));
  if (kinds.length > 0) throw new Error(`maintenance had nothing to do for ${kinds.join(', ')}: ${text}`);
  return data.statements;
}

function run(program, args) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.once('error', failed);
    child.once('close', (code) =>
      code === 0 ? done(text) : failed(new Error(`${program} ended with ${code}: ${text}`)),
    );
  });
}

function report(name, rounds) {
  console.log(`\n${name}`);
  const of = (which, key) => median(rounds.map((round) => round[which][key]));
  const milliseconds = (value) => value.toFixed(2);
  print(['load', 'transactions', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'seconds'], true);
  for (const [which, name] of [
    ['without', 'alone'],
    ['withIt', 'during maintain monthly'],
  ]) {
    const columns = ['p50', 'p95', 'p99', 'max'].map((key) => milliseconds(of(which, key)));
    print([name, of(which, 'count'), ...columns, of(which, 'seconds').toFixed(1)]);
  }
  // Where the slow ones are: in the last round, statement by statement.
  for (const { name, count, seconds, ...phase } of rounds.at(-1).withIt.phases) {
    const columns = ['p50', 'p95', 'p99', 'max'].map((key) => milliseconds(phase[key] ?? 0));
    print([`- ${name}`, count, ...columns, seconds.toFixed(1)]);
  }
  for (const reason of rounds.at(-1).withIt.left) console.log(`left: ${reason}`);
  const ratio = median(rounds.map(({ without, withIt }) => withIt.p99 / without.p99));
  const verdict = ratio <= TARGET ? 'reached' : 'missed';
  console.log(`p99 during maintenance is ${ratio.toFixed(2)} of that without; to reach: ${TARGET} (${verdict})`);
}
