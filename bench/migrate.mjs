// aisha-db beside the least a Node runner can do, in turns, on a private server. Ratios are taken within a round.
//   node bench/migrate.mjs [--rounds 5] [--files 1000] [--many 5000] [--big-mb 50] [--far 100] [--far-ms 20]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { writeBigFile, writeFiles } from './corpus.mjs';
import { measureRun, median, print } from './measure.mjs';
import { startSlowNetwork } from './slow-network.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    files: { type: 'string', default: '1000' },
    many: { type: 'string', default: '5000' },
    'big-mb': { type: 'string', default: '50' },
    far: { type: 'string', default: '100' },
    'far-ms': { type: 'string', default: '20' },
  },
});
const ROOT = resolve(import.meta.dirname, '..');
const AISHA = join(ROOT, 'bin', 'aisha-db.js');
const FLOOR = join(import.meta.dirname, 'floor.mjs');
const rounds = Number(values.rounds);

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
// Durable: what a migration waits for in production is waited for here.
const server = await startScratchServer({ durable: true });
const farAway = await startSlowNetwork(server, Number(values['far-ms']) / 2);
try {
  const dirs = {
    far: join(folder, 'far'),
    files: join(folder, 'files'),
    many: join(folder, 'many'),
    big: join(folder, 'big'),
  };
  writeFiles(dirs.files, Number(values.files));
  writeFiles(dirs.many, Number(values.many));
  writeFiles(dirs.far, Number(values.far));
  writeBigFile(dirs.big, Number(values['big-mb']) * 1e6);
  print(
    ['what', 'wall s', 'x floor', 'client cpu s', 'x floor', 'server cpu s', 'x floor', 'client MiB', 'backend MiB'],
    true,
  );
  await startUp('--version', ['--version']);
  await startUp('--help', ['--help']);
  await compare(`apply ${values.files} files`, dirs.files, { fresh: true });
  await compare(`apply one file of ${values['big-mb']} MB`, dirs.big, { fresh: true });
  await compare(`nothing to do, ${values.many} files applied`, dirs.many, { fresh: false });
  await compare(`apply ${values.far} files, ${values['far-ms']} ms away`, dirs.far, { fresh: true, from: farAway });
} finally {
  farAway.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Against `node -e 0`. */
async function startUp(name, args) {
  const pairs = [];
  for (let round = 0; round < 4 * rounds; round++) {
    pairs.push([await measure([AISHA, ...args], 'postgres'), await measure(['-e', '0'], 'postgres')]);
  }
  report(`${name} (floor: node -e 0)`, pairs);
}

async function compare(name, dir, { fresh, from = server }) {
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    const aisha = await database('bench_aisha', fresh || round === 0);
    const floor = await database('bench_floor', fresh || round === 0);
    if (!fresh && round === 0) {
      await measure([AISHA, 'migrate', '--quiet', '--no-backup', '--dir', dir], aisha);
      await measure([FLOOR, dir], floor);
    }
    pairs.push([
      await measure([AISHA, 'migrate', '--quiet', '--no-backup', '--dir', dir], aisha, from),
      await measure([FLOOR, dir], floor, from),
    ]);
  }
  report(name, pairs);
}

async function database(name, fresh) {
  if (fresh) {
    const client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query(`drop database if exists ${name} with (force)`);
    await client.query(`create database ${name}`);
    await client.query('checkpoint');
    await client.end();
  }
  return name;
}

function measure(args, name, from = server) {
  return measureRun(args, { server: from, database: name, folder });
}

function report(name, pairs) {
  const value = (key) => median(pairs.map(([aisha]) => aisha[key]));
  const ratio = (key) => median(pairs.map(([aisha, floor]) => aisha[key] / floor[key]));
  print([
    name,
    value('wallS').toFixed(2),
    ratio('wallS').toFixed(2),
    value('cpuS').toFixed(2),
    ratio('cpuS').toFixed(2),
    value('serverS').toFixed(2),
    ratio('serverS').toFixed(2),
    value('rssMiB').toFixed(0),
    value('backendMiB').toFixed(0),
  ]);
}
