// Applies sql/ to a private PostgreSQL in a temporary folder, shows what happened, and leaves nothing behind.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const PROGRAM = join(ROOT, 'bin', 'aisha-db.js');
const FILES = ['--dir', join(ROOT, 'sql')];

const folder = mkdtempSync(join(tmpdir(), 'aisha-db-demo-'));
try {
  await run('build', [join(ROOT, 'scripts', 'build.mjs')], ROOT);
  await aisha(['migrate', '--embedded', ...FILES]);
  await aisha(['migrate', '--embedded', ...FILES]);
  process.stdout.write('\n$ npm run seed -- --embedded --rows 100\n');
  await run('seed', [join(ROOT, 'scripts', 'seed.mjs'), '--embedded', '--rows', '100'], folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function aisha(args) {
  process.stdout.write(`\n$ aisha-db ${args.slice(0, 2).join(' ')} --dir sql\n`);
  return run(args[0], [PROGRAM, ...args], folder);
}

/** Ctrl-C goes to the whole group: the program undoes and stops its server by itself, this waits for it. */
function run(name, args, cwd) {
  process.once('SIGINT', () => {});
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: 'inherit',
      env: { ...process.env, DATABASE_URL: '', AISHA_DATABASE_URL: '' },
    });
    child.once('error', failed);
    child.once('exit', (code) => {
      process.exitCode = code ?? 1;
      code === 0 ? done() : failed(new Error(`${name} failed with exit code ${code}`));
    });
  });
}
