// Compiles src/ to build/ (module by module: scripts, benches and tests import them) and bundles that to dist/, the
// program as it is shipped. Does nothing when dist/ is newer than all it is made of, unless called with --force; what a
// build would not change it leaves alone, so that whoever runs it meanwhile is not disturbed.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = resolve(import.meta.dirname, '..');
const BUILD = join(ROOT, 'build');
const DIST = join(ROOT, 'dist');
const HELP = join(DIST, 'help.txt');
const SOURCES = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];

// A run that is killed leaves its folder here, out of everyone's sight.
const DRAFTS = join(ROOT, 'node_modules', '.cache', 'aisha-db-build');

if (process.argv.includes('--force') || !isUpToDate()) await build();

async function build() {
  // Taken before anything is read: a file saved during the build makes the next build run again.
  const startedAt = new Date();
  const modules = join(DRAFTS, `${process.pid}.build`);
  const program = join(DRAFTS, `${process.pid}.dist`);
  for (const draft of [modules, program]) rmSync(draft, { recursive: true, force: true });
  const hasErrors = !compile(modules);
  copyTexts(modules);
  // From the draft, not from build/: another build may be replacing that.
  await bundle(modules, program);
  copyTexts(program);
  replace(BUILD, modules);
  replace(DIST, program);
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

/** Folders of what the program reads and does not import: each lies where it lies in src/. */
function copyTexts(outDir) {
  for (const folder of ['cli/topics', 'troubleshoot/entries'])
    cpSync(join(ROOT, 'src', folder), join(outDir, folder), { recursive: true });
}

/**
 * Every file that is imported costs a start about a millisecond, and the driver alone has thirty. The packages that
 * nearly every run needs are development dependencies, which go into the bundle; dependencies stay packages.
 */
async function bundle(from, outDir) {
  // What is looked up by its file name at run time (src/modules-in.ts) keeps its file.
  const named = readdirSync(from, { recursive: true }).filter((path) =>
    /^(commands|report[\\/]reporters|tenancy[\\/]findings|diagnostics[\\/]live-fixtures)[\\/][^\\/]+\.js$/.test(path),
  );
  const input = Object.fromEntries([
    ['cli/main', './cli.js'],
    ...named.map((path) => [path.slice(0, -'.js'.length), `./${path}`]),
  ]);
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  // Loaded by pg only where they are installed.
  const absent = ['pg-native', 'pg-cloudflare'];
  const external = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...absent].map(
    (name) => new RegExp(`^${name}(/|$)`),
  );
  // The names of chunks are hashes of paths as well: with those from this folder on the same sources give the same names.
  const bundle = await rolldown({ cwd: from, input, platform: 'node', external, logLevel: 'warn' });
  // Chunks lie one folder deep, as most sources do: what they find relative to themselves is found from there as well.
  const chunkFileNames = 'chunks/[name]-[hash].js';
  const { output } = await bundle.write({ dir: outDir, format: 'esm', entryFileNames: '[name].js', chunkFileNames });
  await bundle.close();
  writeFileSync(join(outDir, 'LICENSES.txt'), licences(output.flatMap(({ moduleIds = [] }) => moduleIds)));
}

/** The terms of the packages that are part of the bundle: they ask to go with every copy. */
function licences(modules) {
  const folders = new Set(
    modules.flatMap((path) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/.][^\\/]*(?=[\\/])/.exec(path) ?? []),
  );
  return [...folders]
    .sort()
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const terms = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
      return `${name} ${version}, ${license}\n${terms}`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** One moment without the folder, if anything has changed: another process may be running what is in it. */
function replace(folder, draft) {
  if (isSame(draft, folder)) return rmSync(draft, { recursive: true });
  const old = `${draft}.old`;
  rmSync(old, { recursive: true, force: true });
  mkdirSync(DRAFTS, { recursive: true });
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(draft, folder);
  rmSync(old, { recursive: true, force: true });
}

/** The help is written once the program is in its place. */
function isSame(draft, folder) {
  const content = (root) =>
    new Map(
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && join(entry.parentPath, entry.name) !== HELP)
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [relative(root, path), readFileSync(path)]),
    );
  if (!existsSync(folder)) return false;
  const [now, then] = [content(draft), content(folder)];
  return now.size === then.size && [...now].every(([path, bytes]) => then.get(path)?.equals(bytes));
}

/** The text of `--help`, so that showing it loads nothing else. */
async function writeHelp() {
  const { rootHelp } = await import(pathToFileURL(join(DIST, 'cli', 'main.js')).href);
  const help = await rootHelp();
  if (!existsSync(HELP) || readFileSync(HELP, 'utf8') !== help) writeFileSync(HELP, help);
}

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}

function isUpToDate() {
  if (!existsSync(BUILD) || !existsSync(DIST)) return false;
  return SOURCES.map((path) => newestChange(join(ROOT, path))).every((time) => time < statSync(DIST).mtimeMs);
}

/** Folders count as well: removing a file changes nothing else. */
function newestChange(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const below = stat.isDirectory() ? readdirSync(path).map((name) => newestChange(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...below);
}
