import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Clock ticks a second in /proc (sysconf _SC_CLK_TCK on Linux). */
const TICKS = 100;

/**
 * Runs node with these arguments on a database of a private server; wall from outside, CPU and peak memory from the
 * process, the server's from /proc. Any of `codes` is a good end.
 */
export function measureRun(args, { server, database, folder, codes = [0] }) {
  const usage = join(folder, 'usage.json');
  const env = { ...process.env, DATABASE_URL: server.url(database), BENCH_USAGE: usage, NO_COLOR: '1' };
  const cpuBefore = serverCpu(server);
  const started = performance.now();
  let backendMiB = 0;
  const watch = setInterval(() => (backendMiB = Math.max(backendMiB, largestBackend(server))), 50);
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
      if (!codes.includes(code)) return failed(new Error(`${args.join(' ')} ended with ${code}`));
      const own = JSON.parse(readFileSync(usage, 'utf8'));
      setTimeout(() => done({ wallS, ...own, serverS: serverCpu(server) - cpuBefore, backendMiB }), 50);
    });
  });
}

/** CPU seconds of the server, its living and its reaped processes (proc(5)). */
export function serverCpu(server) {
  const of = (pid, reaped) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    return fields[11] + fields[12] + (reaped ? fields[13] + fields[14] : 0);
  };
  let ticks = of(server.pid, true);
  for (const pid of backends(server)) {
    try {
      ticks += of(pid, false);
    } catch {}
  }
  return ticks / TICKS;
}

function backends(server) {
  return readdirSync(`/proc/${server.pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${server.pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
}

/** Memory of its own (not the shared buffers) of the largest server process. */
function largestBackend(server) {
  const sizes = backends(server).map((pid) => {
    try {
      return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...sizes);
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A row of a Markdown table; `heads` draws the line below it. */
export function print(cells, heads = false) {
  console.log(`| ${cells.join(' | ')} |`);
  if (heads) console.log(`| ${cells.map((_, i) => (i === 0 ? '---' : '---:')).join(' | ')} |`);
}
