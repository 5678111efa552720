// `rls-check` on a catalog as large as they come: facts and findings, and the proof that touches no row.
//   node bench/rls.mjs [--tables 10000] [--rounds 3]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { measureRun, median, print } from './measure.mjs';

const { values } = parseArgs({
  options: { tables: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '3' } },
});
const AISHA = join(resolve(import.meta.dirname, '..'), 'bin', 'aisha-db.js');
const DATABASE = 'bench_rls';

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
writeFileSync(join(folder, 'aisha-db.config.json'), JSON.stringify({ tenancy: { apiSchemas: ['public'] } }));
const server = await startScratchServer({ settings: { max_locks_per_transaction: '256' } });
try {
  await makeCatalog(Number(values.tables));
  print(['what', 'wall s', 'client cpu s', 'server cpu s', 'client MiB', 'backend MiB'], true);
  await report(`facts and findings, ${values.tables} tables`, []);
  await report('and --prove', ['--prove']);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Every table has an index and a sound policy; each hundredth is open, each fiftieth evaluates its setting per row. */
async function makeCatalog(count) {
  await onDatabase('postgres', `create role authenticated`);
  await onDatabase('postgres', `create database ${DATABASE}`);
  await onDatabase(
    DATABASE,
    `create table tenant (id uuid primary key);
    insert into tenant select gen_random_uuid() from generate_series(1, 2);
    alter table tenant enable row level security; alter table tenant force row level security;
    create policy own on tenant using (id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
    grant usage on schema public to authenticated`,
  );
  for (let first = 1; first <= count; first += 500) {
    // A transaction needs a lock for each table and index that it makes.
    await onDatabase(
      DATABASE,
      `do $do$ begin for i in ${first}..least(${first + 499}, ${count}) loop
        execute format('create table t_%1$s (
          id bigint primary key, tenant_id uuid not null references tenant, email text, payload jsonb)', i);
        execute format('create index on t_%1$s (tenant_id)', i);
        execute format('alter table t_%1$s enable row level security', i);
        execute format('alter table t_%1$s force row level security', i);
        execute format('create policy own on t_%1$s using (%2$s)', i, case
          when i % 100 = 0 then 'true'
          when i % 50 = 0 then 'tenant_id = nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid'
          else 'tenant_id = (select nullif(current_setting(''app.current_tenant_id'', true), '''')::uuid)' end);
        execute format('grant select, insert, update, delete on t_%1$s to authenticated', i);
      end loop; end $do$`,
    );
  }
  await onDatabase(DATABASE, 'analyze');
}

async function report(name, options) {
  const runs = [];
  for (let round = 0; round < Number(values.rounds); round++)
    runs.push(
      await measureRun([AISHA, 'rls-check', '--quiet', '--format', 'json', ...options], {
        server,
        database: DATABASE,
        folder,
        codes: [1],
      }),
    );
  const of = (key, digits) => median(runs.map((run) => run[key])).toFixed(digits);
  print([name, of('wallS', 2), of('cpuS', 2), of('serverS', 2), of('rssMiB', 0), of('backendMiB', 0)]);
}

async function onDatabase(database, sql) {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  await client.query(sql);
  await client.end();
}
