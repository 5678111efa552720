// aisha-db backup beside bare pg_dump -Fd -j, in turns, on a private server; then what proves a backup, apart.
//   node bench/backup.mjs [--mb 2048] [--rounds 3] [--jobs 2] [--bin-dir /usr/lib/postgresql/15/bin]
//   node bench/backup.mjs --large-objects 1024     memory with that many MiB of large objects, one of them half of it
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { findClientTools } from '../build/postgres/client-tools.js';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { chooseTools } from '../build/postgres/tool-choice.js';
import { measureRun, median, print, serverCpu } from './measure.mjs';

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    'bin-dir': { type: 'string' },
    'large-objects': { type: 'string' },
  },
});
const AISHA = resolve(import.meta.dirname, '../bin/aisha-db.js');
const DATABASE = 'bench_backup';
/** Of one table; a dump is parallel by tables. */
const TABLES = 8;

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
const server = await startScratchServer({ durable: true });
try {
  if (values['large-objects'] === undefined) await compareWithBare();
  else await largeObjects(Number(values['large-objects']));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function compareWithBare() {
  const bytes = await fill(Number(values.mb) * 1024 * 1024);
  console.log(
    `${TABLES} tables, ${(bytes / 1024 ** 2).toFixed(0)} MiB, ${values.jobs} connections, load ${loadavg()[0].toFixed(1)}`,
  );
  print(['what', 'wall s', 'x pg_dump', 'server cpu s', 'x pg_dump', 'client MiB'], true);
  const pairs = [];
  for (let round = 0; round < Number(values.rounds); round++)
    pairs.push([await aisha(), await bare(), await bare(['--compress=3'])]);
  report(
    'backup create',
    pairs.map(([own]) => own),
    pairs.map(([, floor]) => floor),
  );
  report(
    'pg_dump -Fd -j',
    pairs.map(([, floor]) => floor),
    pairs.map(([, floor]) => floor),
  );
  // A backup's own level: what is left is the proof's part.
  report(
    'pg_dump -Fd -j -Z3',
    pairs.map(([, , alike]) => alike),
    pairs.map(([, floor]) => floor),
  );
  report('backup verify', [await run('backup', 'verify', 'latest', '--quiet')], [pairs.at(-1)[1]]);
  report(
    'backup verify --restore',
    [await run('backup', 'verify', 'latest', '--restore', '--quiet')],
    [pairs.at(-1)[1]],
  );
}

/** The client's memory with large objects, which no COPY carries: also where a restore is one transaction. */
async function largeObjects(mib) {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`create database ${DATABASE}`);
  await client.end();
  const owner = new pg.Client({ connectionString: server.url(DATABASE) });
  await owner.connect();
  await owner.query('create table contact (id int primary key); insert into contact values (1)');
  const piece = `decode(repeat(md5(random()::text), ${2 ** 16}), 'hex')`;
  const { rows } = await owner.query('select lo_create(0) as large');
  for (let at = 0; at < mib; at += 2) {
    if (at < mib / 2) await owner.query(`select lo_put(${rows[0].large}, ${at / 2}::bigint * ${2 ** 20}, ${piece})`);
    else await owner.query(`select lo_from_bytea(0, ${piece})`);
    await owner.query(`select lo_from_bytea(0, ${piece})`);
  }
  await owner.end();
  print(['what', 'wall s', 'client MiB'], true);
  for (const [name, ...args] of [
    ['backup create', 'backup', 'create', '--no-restore'],
    ['backup verify --restore', 'backup', 'verify', 'latest', '--restore'],
    ['restore in one transaction', 'restore', 'latest', '--in-place', '--single-transaction', '--confirm', DATABASE],
  ]) {
    const { wallS, rssMiB } = await run(...args, '--quiet');
    print([name, wallS.toFixed(2), rssMiB.toFixed(0)]);
  }
}

/** Rows of a CRM: a number, a time, a text that compresses to a third. */
async function fill(bytes) {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`create database ${DATABASE}`);
  await client.end();
  const owner = new pg.Client({ connectionString: server.url(DATABASE) });
  await owner.connect();
  // 300 bytes of a row, as measured.
  const rows = Math.round(bytes / TABLES / 300);
  for (let table = 0; table < TABLES; table++) {
    await owner.query(`create table contact_${table} as
      select i as id, now() - i * interval '1 minute' as created_at, md5(i::text) as email,
        repeat('note ' || md5((i % 1000)::text) || ' ', 5) as notes
      from generate_series(1, ${rows}) i`);
    await owner.query(`alter table contact_${table} add primary key (id)`);
  }
  await owner.query('vacuum analyze');
  await owner.query('checkpoint');
  const { rows: found } = await owner.query(`select sum(pg_table_size(c.oid))::float8 as bytes from pg_class c
    where relname like 'contact_%' and relkind = 'r'`);
  await owner.end();
  return found[0].bytes;
}

/** Its own comparison by restore left out: that is reported apart. */
async function aisha() {
  const result = await run(
    'backup',
    'create',
    '--dump-format',
    'directory',
    '--jobs',
    values.jobs,
    '--no-restore',
    '--quiet',
  );
  const store = join(folder, '.aisha-db/backups');
  // Only the last one is needed, and disks are small.
  for (const name of readdirSync(store)
    .filter((entry) => !entry.startsWith('.'))
    .sort()
    .slice(0, -1)) {
    rmSync(join(store, name), { recursive: true });
  }
  return result;
}

function run(...args) {
  return measureRun([AISHA, ...args], { server, database: DATABASE, folder });
}

/** What it would be without us: as pg_dump does it by itself, and as it is told. */
async function bare(told = []) {
  const { binDir } = chooseTools(
    findClientTools({ binDir: values['bin-dir'], searchPath: process.env.PATH }),
    Number.parseInt(server.version, 10),
  );
  const file = join(folder, 'bare');
  rmSync(file, { recursive: true, force: true });
  const before = serverCpu(server);
  const started = performance.now();
  await new Promise((done, failed) => {
    const child = spawn(join(binDir, 'pg_dump'), ['-Fd', `--jobs=${values.jobs}`, `--file=${file}`, ...told], {
      env: { ...process.env, ...connection() },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.once('error', failed);
    child.once('exit', (code) => (code === 0 ? done() : failed(new Error(`pg_dump ended with ${code}`))));
  });
  const wallS = (performance.now() - started) / 1000;
  if (!statSync(join(file, 'toc.dat')).isFile()) throw new Error('pg_dump wrote nothing');
  return { wallS, serverS: serverCpu(server) - before, rssMiB: Number.NaN };
}

function connection() {
  const { host, port, user, password } = server;
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: DATABASE };
}

function report(name, own, floor) {
  const value = (key) => median(own.map((run) => run[key]));
  const ratio = (key) => median(own.map((run, i) => run[key] / floor[i][key]));
  print([
    name,
    value('wallS').toFixed(2),
    ratio('wallS').toFixed(2),
    value('serverS').toFixed(2),
    ratio('serverS').toFixed(2),
    Number.isNaN(value('rssMiB')) ? '-' : value('rssMiB').toFixed(0),
  ]);
}
