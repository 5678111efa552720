import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AishaError } from '../errors.ts';
import { type Entry, parseEntry } from './entry.ts';

// Named from one folder up, as the bundle's chunks lie.
const FOLDER = fileURLToPath(new URL('../troubleshoot/entries', import.meta.url));

/**
 * Every file of entries/, in the order of their names.
 * @throws AishaError (usage) with every problem of every file at once
 */
export function loadEntries(folder: string = FOLDER): readonly Entry[] {
  const entries: Entry[] = [];
  const problems: string[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    const parsed = parseEntry(file.slice(0, -'.sql'.length), readFileSync(join(folder, file), 'utf8'));
    if ('entry' in parsed) entries.push(parsed.entry);
    else problems.push(...parsed.problems.map((problem) => `${file}: ${problem}`));
  }
  if (problems.length === 0) return entries;
  throw new AishaError('usage', 'the catalogue of errors has problems', {
    details: problems,
    hint: 'docs/troubleshooting.md says what an entry holds.',
  });
}
