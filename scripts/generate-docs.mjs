// Writes the pages of docs/ that the program knows itself: one per command, and the exit codes. Needs a build.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { generatePages } from '../build/cli/page.js';

const DOCS = resolve(import.meta.dirname, '../docs');

const pages = await generatePages();
removeCommandsThatAreGone();
for (const [path, text] of pages) {
  mkdirSync(dirname(join(DOCS, path)), { recursive: true });
  writeFileSync(join(DOCS, path), text);
}
console.log(`docs: ${pages.size} pages written`);

function removeCommandsThatAreGone() {
  mkdirSync(join(DOCS, 'commands'), { recursive: true });
  for (const file of readdirSync(join(DOCS, 'commands'))) {
    if (!pages.has(`commands/${file}`)) rmSync(join(DOCS, 'commands', file));
  }
}
