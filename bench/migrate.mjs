// aisha-db beside the least a Node runner can do, in turns, on a private server. Ratios are taken within a round.
//   node bench/migrate.mjs [--rounds 5] [--files 1000] [--many 5000] [--big-mb 50]
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startScratchServer } from '../build/postgres/scratch-server.js';
import { writeBigFile, writeFiles } from './corpus.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    files: { type: 'string', default: '1000' },
    many: { type: 'string', default: '5000' },
    'big-mb': { type: 'string', default: '50' },
  },
});
const ROOT = resolve(import.meta.dirname, '..');
const AISHA = join(ROOT, 'bin', 'aisha-db.js');
const FLOOR = join(import.meta.dirname, 'floor.mjs');
const rounds = Number(values.rounds);
/** Clock ticks a second in /proc (sysconf _SC_CLK_TCK on Linux). */
const TICKS = 100;

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-bench-'));
// Durable: what a migration waits for in production is waited for here.
const server = await startScratchServer({ durable: true });
try {
  const dirs = { files: join(folder, 'files'), many: join(folder, 'many'), big: join(folder, 'big') };
  writeFiles(dirs.files, Number(values.files));
  writeFiles(dirs.many, Number(values.many));
  writeBigFile(dirs.big, Number(values['big-mb']) * 1e6);
  print([
    'what',
    'wall s',
    'x floor',
    'client cpu s',
    'x floor',
    'server cpu s',
    'x floor',
    'client MiB',
    'backend MiB',
  ]);
  await startUp('--version', ['--version']);
  await startUp('--help', ['--help']);
  await compare(`apply ${values.files} files`, dirs.files, { fresh: true });
  await compare(`apply one file of ${values['big-mb']} MB`, dirs.big, { fresh: true });
  await compare(`nothing to do, ${values.many} files applied`, dirs.many, { fresh: false });
} finally {
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

async function compare(name, dir, { fresh }) {
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    const aisha = await database('bench_aisha', fresh || round === 0);
    const floor = await database('bench_floor', fresh || round === 0);
    if (!fresh && round === 0) {
      await measure([AISHA, 'migrate', '--quiet', '--dir', dir], aisha);
      await measure([FLOOR, dir], floor);
    }
    pairs.push([await measure([AISHA, 'migrate', '--quiet', '--dir', dir], aisha), await measure([FLOOR, dir], floor)]);
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

/** Runs node with these arguments; wall from outside, CPU and peak memory from the process, the server's from /proc. */
function measure(args, name) {
  const usage = join(folder, 'usage.json');
  const env = { ...process.env, DATABASE_URL: server.url(name), BENCH_USAGE: usage, NO_COLOR: '1' };
  const cpuBefore = serverCpu();
  const started = performance.now();
  let backendMiB = 0;
  const watch = setInterval(() => (backendMiB = Math.max(backendMiB, largestBackend())), 50);
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, ['--import', join(import.meta.dirname, 'usage.mjs'), ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.once('error', failed);
    child.once('exit', (code) => {
      clearInterval(watch);
      const wallS = (performance.now() - started) / 1000;
      if (code !== 0) return failed(new Error(`${args.join(' ')} ended with ${code}`));
      const own = JSON.parse(readFileSync(usage, 'utf8'));
      setTimeout(() => done({ wallS, ...own, serverS: serverCpu() - cpuBefore, backendMiB }), 50);
    });
  });
}

/** CPU seconds of the server, its living and its reaped processes (proc(5)). */
function serverCpu() {
  const of = (pid, reaped) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    return fields[11] + fields[12] + (reaped ? fields[13] + fields[14] : 0);
  };
  let ticks = of(server.pid, true);
  for (const pid of backends()) {
    try {
      ticks += of(pid, false);
    } catch {}
  }
  return ticks / TICKS;
}

function backends() {
  return readdirSync(`/proc/${server.pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${server.pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
}

/** Memory of its own (not the shared buffers) of the largest server process. */
function largestBackend() {
  const sizes = backends().map((pid) => {
    try {
      return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...sizes);
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

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function print(cells) {
  console.log(`| ${cells.join(' | ')} |`);
  if (cells[0] === 'what') console.log(`| ${cells.map((_, i) => (i === 0 ? '---' : '---:')).join(' | ')} |`);
}
