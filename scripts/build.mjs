// Compiles src/ to dist/. Does nothing when dist/ is newer than all it is made of, unless called with --force.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const SOURCES = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];

// A run that is killed leaves its folder here, out of everyone's sight.
const DRAFTS = join(ROOT, 'node_modules', '.cache', 'aisha-db-build');

if (process.argv.includes('--force') || !isUpToDate()) await build();

async function build() {
  // Taken before anything is read: a file saved during the build makes the next build run again.
  const startedAt = new Date();
  const draft = join(DRAFTS, String(process.pid));
  rmSync(draft, { recursive: true, force: true });
  const hasErrors = !compile(draft);
  replaceDist(draft);
  if (!hasErrors) await writeHelp();
  // A program with type errors may still be tried out, but never passes for a finished build.
  const stamp = hasErrors ? new Date(0) : startedAt;
  utimesSync(DIST, stamp, stamp);
  if (hasErrors) fail('the TypeScript compiler found the errors above');
}

/** Returns false when the compiler complains; it has written its output even so. */
function compile(outDir) {
  const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', outDir, '--pretty', 'false'];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (!existsSync(outDir)) fail('the TypeScript compiler wrote nothing');
  return status === 0;
}

/** One moment without dist/: another process may be running it. */
function replaceDist(draft) {
  const old = `${draft}.old`;
  rmSync(old, { recursive: true, force: true });
  mkdirSync(DRAFTS, { recursive: true });
  if (existsSync(DIST)) renameSync(DIST, old);
  renameSync(draft, DIST);
  rmSync(old, { recursive: true, force: true });
}

/** The text of `--help`, so that showing it loads nothing else. */
async function writeHelp() {
  const cli = join(DIST, 'cli.js');
  if (!existsSync(cli)) return;
  const { rootHelp } = await import(pathToFileURL(cli).href);
  if (rootHelp !== undefined) writeFileSync(join(DIST, 'help.txt'), await rootHelp());
}

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}

function isUpToDate() {
  if (!existsSync(DIST)) return false;
  return SOURCES.map((path) => newestChange(join(ROOT, path))).every((time) => time < statSync(DIST).mtimeMs);
}

/** Folders count as well: removing a file changes nothing else. */
function newestChange(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const below = stat.isDirectory() ? readdirSync(path).map((name) => newestChange(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...below);
}
