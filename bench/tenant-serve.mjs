// Requests a second of `aisha-db tenant serve` from its cache, beside a bare server of the same framework that returns
// a constant. Each runs in a process of its own, in turns; the load comes from autocannon in this one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '5' } },
});
const TENANTS = 100;
const BARE = `
  import { fastify } from 'fastify';
  const server = fastify({ logger: false });
  const answer = { uuid: '00000000-0000-4000-8000-000000000000', slug: 't1', found: true, source: 'db-slug-cache' };
  server.get('/api/tenantresolve/:identifier', (_request, reply) => reply.send(answer));
  process.stderr.write('listening on ' + (await server.listen({ host: '127.0.0.1', port: 0 })) + ';\\n');
`;

const database = await startScratchServer();
try {
  await fill(database.url('postgres'));
  const env = { ...process.env, DATABASE_URL: database.url('postgres') };
  const samples = { 'tenant serve': [], bare: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    samples['tenant serve'].push(await measure(['bin/aisha-db.js', 'tenant', 'serve', '--port', '0'], env));
    samples.bare.push(await measure(['--input-type=module', '-e', BARE], env));
  }
  console.log('| server | requests/s | p50 ms | p99 ms | max ms | server cpu us a request | errors |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [name, runs] of Object.entries(samples)) {
    const columns = ['rate', 'p50', 'p99', 'max', 'cpuUs', 'errors'].map((key) =>
      round1(median(runs.map((run) => run[key]))),
    );
    console.log(`| ${name} | ${columns.join(' | ')} |`);
  }
  // Of each round, since the machine's speed changes between rounds more than within one.
  const beside = (key) =>
    samples['tenant serve'].map((run, round) => run[key] / samples.bare[round][key]).map((ratio) => ratio.toFixed(2));
  console.log(
    `\nbeside the bare server, round by round: requests/s ${beside('rate').join(', ')}; CPU ${beside('cpuUs').join(', ')}`,
  );
} finally {
  await database.stop();
}

async function fill(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`
    create table tenant (id uuid primary key default gen_random_uuid(), slug text unique);
    insert into tenant (slug) select 't' || n from generate_series(1, ${TENANTS}) n
  `);
  await client.end();
}

async function measure(args, env) {
  const child = spawn(process.execPath, args, {
    env,
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await listening(child);
  const requests = Array.from({ length: TENANTS }, (_, at) => ({ path: `/api/tenantresolve/t${at + 1}` }));
  const load = (duration) => autocannon({ url, connections: 50, pipelining: 1, duration, requests });
  // The compiler of the engine has done its work by then.
  await load(3);
  const before = cpuOf(child.pid);
  const result = await load(Number(values.seconds));
  const cpuUs = ((await cpuOf(child.pid)) - (await before)) / result.requests.total;
  child.kill('SIGTERM');
  await once(child, 'exit');
  const { latency, requests: counts, errors, non2xx } = result;
  return { rate: counts.average, p50: latency.p50, p99: latency.p99, max: latency.max, cpuUs, errors: errors + non2xx };
}

async function listening(child) {
  let text = '';
  for await (const chunk of child.stderr) {
    text += chunk;
    const [, url] = /listening on (http:[^;\s]+)/.exec(text) ?? [];
    if (url !== undefined) {
      child.stderr.resume();
      return url;
    }
  }
  throw new Error(`the server did not start: ${text}`);
}

/** Microseconds of user and system time of a process (Linux: /proc, in hundredths of a second). */
async function cpuOf(pid) {
  const { readFile } = await import('node:fs/promises');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function round1(number) {
  return Math.round(number * 10) / 10;
}
