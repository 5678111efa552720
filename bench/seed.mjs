// Fills the shipped schema on a private, durable server and tells what that took.
//   node bench/seed.mjs [--rows 1000000] [--tenants 10]
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { measureRun } from './measure.mjs';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, tenants: { type: 'string', default: '10' } },
});
const ROOT = resolve(import.meta.dirname, '..');
const DATABASE = 'bench_seed';

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
const server = await startScratchServer({ durable: true });
try {
  await query('postgres', `create database ${DATABASE}`);
  const run = (...args) => measureRun(args, { server, database: DATABASE, folder });
  await run(join(ROOT, 'bin', 'aisha-db.js'), 'migrate', '--quiet', '--dir', join(ROOT, 'sql'));
  await query('postgres', 'checkpoint');
  const before = loadavg()[0];
  const seed = [join(ROOT, 'scripts', 'seed.mjs'), '--rows', values.rows, '--tenants', values.tenants];
  const { wallS, cpuS, serverS, rssMiB, backendMiB } = await run(...seed);
  const [{ size }] = await query(DATABASE, 'select pg_size_pretty(pg_database_size(current_database())) as size');
  const load = `load ${before.toFixed(1)} before, ${loadavg()[0].toFixed(1)} after`;
  console.log(`${values.rows} contacts of ${values.tenants} tenants: ${wallS.toFixed(0)} s (${load}), ${size}`);
  console.log(`client ${cpuS.toFixed(0)} s of CPU, ${rssMiB.toFixed(0)} MiB`);
  console.log(`server ${serverS.toFixed(0)} s of CPU, its largest process ${backendMiB.toFixed(0)} MiB`);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function query(database, sql) {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}
