// `diagnose` on a catalog as large as they come, beside its own queries run bare by psql, one session each, and beside
// the manual's query for foreign keys without an index. Ratios are taken within a round.
//   node bench/diagnose.mjs [--tables 10000] [--rounds 3] [--hold]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { loadDefinitions } from '../build/diagnostics/load.js';
import { psqlScript } from '../build/diagnostics/page.js';
import { settingsFor } from '../build/diagnostics/run.js';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { measureRun, median, print, serverCpu } from './measure.mjs';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    // Waits for Enter at the end: for EXPLAIN by hand.
    hold: { type: 'boolean', default: false },
  },
});
const AISHA = join(resolve(import.meta.dirname, '..'), 'bin', 'aisha-db.js');
const DATABASE = 'bench_catalog';
/** Milliseconds; 10.3's query does not end on its own. */
const MANUAL_LIMIT_MS = 60_000;

/** Manual 10.3 as it stands, without the columns that do not exist. */
const MANUAL_QUERY = `
  select tc.table_name, kcu.column_name
  from information_schema.table_constraints tc
  join information_schema.key_column_usage kcu on tc.constraint_name = kcu.constraint_name
  where tc.constraint_type = 'FOREIGN KEY'
    and not exists (
      select 1 from pg_indexes where tablename = tc.table_name and indexdef like '%' || kcu.column_name || '%'
    )`;

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
const server = await startScratchServer({
  settings: { shared_preload_libraries: 'pg_stat_statements', max_locks_per_transaction: '256' },
});
try {
  await makeCatalog(Number(values.tables));
  const checks = await onDatabase(bareQueries);
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const options = { server, database: DATABASE, folder, codes: [0, 1] };
    rounds.push({ whole: await measureRun([AISHA, 'diagnose', '--quiet'], options), bare: checks.map(runBare) });
  }
  reportWhole(rounds);
  reportChecks(checks, rounds);
  await onDatabase(reportManual);
  if (values.hold) await hold();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Each table has three indexes, a policy, a few analysed rows and, but for every fourth, an index for its foreign key. */
async function makeCatalog(count) {
  await onDatabase((session) => session.query(`create database ${DATABASE}`), 'postgres');
  await onDatabase((session) => session.query('create extension pg_stat_statements'));
  for (let first = 1; first <= count; first += 500) {
    // A transaction needs a lock, and a session remembers what it saw, for each table and index it makes.
    await onDatabase((session) =>
      session.query(`do $do$ begin for i in ${first}..least(${first + 499}, ${count}) loop
      execute format('create table c_%1$s (
        id bigint primary key, parent_id bigint references c_%2$s, tenant_id int not null, email text,
        payload jsonb, created_at timestamptz default now())', i, greatest((i - 2) / 10 + 1, 1));
      execute format('create index c_%1$s_tenant_idx on c_%1$s (tenant_id, created_at)', i);
      execute format(case when i % 4 = 0 then 'create index c_%1$s_email_idx on c_%1$s (lower(email))'
        else 'create index c_%1$s_parent_idx on c_%1$s (parent_id)' end, i);
      execute format('alter table c_%1$s enable row level security', i);
      execute format('create policy tenant on c_%1$s using (tenant_id = current_setting(''app.tenant'', true)::int)', i);
      execute format('insert into c_%1$s select n, null, n, ''x@y.z'', ''{}'' from generate_series(1, 10) n', i);
    end loop; end $do$`),
    );
  }
  await onDatabase((session) => session.query('analyze'));
}

async function onDatabase(use, database = DATABASE) {
  const session = new pg.Client({ connectionString: server.url(database) });
  await session.connect();
  try {
    return await use(session);
  } finally {
    await session.end();
  }
}

/** The shipped checks as scripts for psql, as `diagnose --show` prints them. */
async function bareQueries(session) {
  const { rows } = await session.query(`select current_setting('server_version_num')::int / 10000 as major`);
  const { major } = rows[0];
  const facts = {
    extensions: new Map([['pg_stat_statements', { schema: 'public', usage: true }]]),
    ignoredSchemas: ['pg_catalog', 'information_schema', 'pg_toast'],
  };
  return loadDefinitions()
    .filter(({ minPg = 0, maxPg = 99 }) => minPg <= major && major <= maxPg)
    .filter(({ onRequest, needs }) => onRequest === undefined && !needs.some(({ kind }) => kind === 'table'))
    .map((definition) => ({
      id: definition.id,
      script: psqlScript(definition, settingsFor(definition, facts, 60_000)),
    }));
}

function runBare({ id, script }) {
  const cpuBefore = serverCpu(server);
  const startedAt = performance.now();
  const args = [server.url(DATABASE), '-X', '-q', '-At', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1'];
  const { status, stderr } = spawnSync('psql', args, { input: script, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${id}: ${stderr}`);
  return { wallS: (performance.now() - startedAt) / 1000, serverS: serverCpu(server) - cpuBefore };
}

function reportWhole(rounds) {
  const bare = rounds.map((round) => ({ wallS: sum(round.bare, 'wallS'), serverS: sum(round.bare, 'serverS') }));
  const whole = rounds.map((round) => round.whole);
  const ratio = (key) => median(whole.map((one, index) => one[key] / bare[index][key])).toFixed(2);
  print(['what', 'wall s', 'x bare', 'server cpu s', 'x bare', 'client cpu s', 'client MiB', 'backend MiB'], true);
  print([
    `diagnose, ${values.tables} tables`,
    median(whole.map(({ wallS }) => wallS)).toFixed(2),
    ratio('wallS'),
    median(whole.map(({ serverS }) => serverS)).toFixed(2),
    ratio('serverS'),
    median(whole.map(({ cpuS }) => cpuS)).toFixed(2),
    median(whole.map(({ rssMiB }) => rssMiB)).toFixed(0),
    median(whole.map(({ backendMiB }) => backendMiB)).toFixed(0),
  ]);
  const [wall, cpu] = ['wallS', 'serverS'].map((key) => median(bare.map((one) => one[key])).toFixed(2));
  print(['its queries by psql, one after the other', wall, '1.00', cpu, '1.00', '-', '-', '-']);
}

/** The slowest checks, run bare. */
function reportChecks(checks, rounds) {
  const cost = (key, index) => median(rounds.map(({ bare }) => bare[index][key]));
  const rows = checks.map(({ id }, index) => ({ id, wallS: cost('wallS', index), serverS: cost('serverS', index) }));
  console.log('');
  print(['slowest checks', 'wall s', 'server cpu s'], true);
  for (const { id, wallS, serverS } of rows.sort((a, b) => b.wallS - a.wallS).slice(0, 12)) {
    print([id, wallS.toFixed(2), serverS.toFixed(2)]);
  }
}

async function reportManual(session) {
  const startedAt = performance.now();
  await session.query(`set statement_timeout = ${MANUAL_LIMIT_MS}`);
  const { rowCount } = await session.query(MANUAL_QUERY).catch((error) => {
    if (error.code !== '57014') throw error;
    return { rowCount: undefined };
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(2);
  const found = rowCount === undefined ? 'was cancelled' : `found ${rowCount}`;
  console.log(`\nThe manual's query for foreign keys without an index ${found} after ${seconds} s.`);
}

function sum(parts, key) {
  return parts.reduce((total, part) => total + part[key], 0);
}

async function hold() {
  console.log(`\n${server.url(DATABASE)}\nEnter ends it.`);
  for await (const _ of process.stdin) return;
}
