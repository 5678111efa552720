// `rls-check` on a catalog as large as they come: facts and findings, and the proof that touches no row.
//   node bench/rls.mjs [--tables 10000] [--rounds 3] [--unlike words|expressions]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { measureRun, median, print } from './measure.mjs';
import { makeCatalog } from './rls-catalog.mjs';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    unlike: { type: 'string', default: 'words' },
  },
});
const AISHA = join(resolve(import.meta.dirname, '..'), 'bin', 'aisha-db.js');
const DATABASE = 'bench_rls';

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
writeFileSync(join(folder, 'aisha-db.config.json'), JSON.stringify({ tenancy: { apiSchemas: ['public'] } }));
const server = await startScratchServer({ settings: { max_locks_per_transaction: '256' } });
try {
  await makeCatalog(onDatabase, DATABASE, Number(values.tables), values.unlike);
  print(['what', 'wall s', 'client cpu s', 'server cpu s', 'client MiB', 'backend MiB'], true);
  await report(`facts and findings, ${values.tables} tables`, []);
  await report('and --prove', ['--prove']);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
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
