#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

const PROGRAM = new URL('../dist/cli/main.js', import.meta.url);
const HELP = new URL('../dist/help.txt', import.meta.url);
const PACKAGE = new URL('../package.json', import.meta.url);

/** How long (ms) a connection that somebody forgot to close may keep the process alive after its work is done. */
const LINGER = 5_000;

process.exitCode = await main(process.argv.slice(2), process.env, process);
setTimeout(() => process.exit(), LINGER).unref();

/** Version and help are answered here: loading the program takes longer than everything else about them. */
async function main(argv, env, streams) {
  const text = quickAnswer(argv);
  if (text !== undefined) return print(text, streams);
  if (!existsSync(PROGRAM)) return refuse(streams);
  if (!['serve', 'rls-check'].some((command) => argv.includes(command))) keepHeapSmall();
  if (argv.includes('migrate')) optimiseLater();
  const program = await import(PROGRAM.href);
  return program.main(argv, env, streams);
}

/**
 * V8 doubles the room for new objects as soon as a few thousand of them (the rows of a ledger) live at once, and never
 * gives it back: 12 MiB of a run's 80. Collected more often, such a run takes no longer. A server does, which has requests
 * under way at every collection, and so does rls-check, which holds on to nearly all that it reads. Unknown flags are
 * complained about, so only versions are told that are known to have it.
 */
function keepHeapSmall() {
  if (hasKnownFlags()) setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Code that a thousand files run through is hot to V8, yet run too seldom to earn back what it costs to optimise: an
 * eighth of the run's CPU time. Loops over a big file are still optimised at once (the figure is in bytes of bytecode).
 */
function optimiseLater() {
  if (hasKnownFlags()) setFlagsFromString('--interrupt-budget=600000');
}

function hasKnownFlags() {
  return Number(process.versions.node.split('.')[0]) <= 24;
}

function quickAnswer([first = '--help', ...rest]) {
  if (rest.length > 0) return undefined;
  if (['--version', '-V'].includes(first)) return `${JSON.parse(readFileSync(PACKAGE, 'utf8')).version}\n`;
  return ['--help', '-h', 'help'].includes(first) && existsSync(HELP) ? readFileSync(HELP, 'utf8') : undefined;
}

/** Resolves when the text is with the operating system; a reader that has gone (`| head -1`) is no failure. */
function print(text, { stdout, stderr }) {
  return new Promise((resolve) => {
    stdout.on('error', () => {});
    stdout.write(text, (error) => {
      if (!error || error.code === 'EPIPE') return resolve(0);
      stderr.write(`error: stdout cannot be written: ${error.message}\n`);
      resolve(2);
    });
  });
}

function refuse({ stderr }) {
  stderr.write('error: aisha-db is not built yet\nhint: Run npm ci && npm run build in its folder.\n');
  return 2;
}
