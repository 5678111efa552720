import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AishaError, messageOf } from '../errors.ts';
import { collisions, type Definition, parseDefinition } from './definition.ts';
import { parseFixture, type SqlFixture } from './fixture.ts';

/** The checks that are shipped. */
export const SHIPPED_CHECKS = fileURLToPath(new URL('../../diagnostics', import.meta.url));

/** A check; `DIAGNOSTIC_x.sql` beside them is a script for psql with several queries (manual 7.5), not a check. */
const CHECK_FILE = /^[a-z][a-z0-9-]*\.sql$/;
const SCRIPT_FILE = /^DIAGNOSTIC_.*\.sql$/;

/**
 * Reads every check of these folders, in the order of their ids.
 * @throws AishaError (usage) with every problem of every file at once
 */
export function loadDefinitions(folders: readonly string[] = [SHIPPED_CHECKS]): readonly Definition[] {
  const problems: string[] = [];
  const definitions: Definition[] = [];
  for (const folder of folders) {
    for (const file of sqlFiles(folder)) {
      const path = folder === SHIPPED_CHECKS ? `diagnostics/${file}` : join(folder, file);
      if (!CHECK_FILE.test(file)) {
        problems.push(`${path}: the name of a check is lower case with hyphens, such as unused-index.sql`);
        continue;
      }
      const parsed = parseDefinition(file, readFileSync(join(folder, file), 'utf8'));
      if ('definition' in parsed) definitions.push(parsed.definition);
      else problems.push(...parsed.problems.map((problem) => `${path}: ${problem}`));
    }
  }
  const all = [...problems, ...collisions(definitions)];
  if (all.length > 0) {
    throw new AishaError(
      'usage',
      `${all.length === 1 ? 'a check has a problem' : `checks have ${all.length} problems`}`,
      {
        details: all,
        hint: 'docs/adding-a-check.md says what a header holds.',
      },
    );
  }
  return definitions.sort((a, b) => (a.id + a.file < b.id + b.file ? -1 : 1));
}

/**
 * What is planted for each check that can be tested that way: `fixtures/<id>.sql` below the folders of checks.
 * @throws AishaError (usage) for a fixture that cannot be understood
 */
export function loadFixtures(folders: readonly string[]): ReadonlyMap<string, SqlFixture> {
  const paths = folders
    .map((folder) => join(folder, 'fixtures'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((path) => path.endsWith('.sql'));
  try {
    return new Map(paths.map((path) => [basename(path, '.sql'), parseFixture(path, readFileSync(path, 'utf8'))]));
  } catch (error) {
    throw new AishaError('usage', `a fixture cannot be understood: ${messageOf(error)}`, {
      hint: 'docs/adding-a-check.md says what a fixture holds.',
      cause: error,
    });
  }
}

function sqlFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.sql') && !SCRIPT_FILE.test(name));
  } catch (error) {
    throw new AishaError('usage', `cannot list the folder of checks ${folder}: ${messageOf(error)}`, {
      hint: 'Correct "checksDir" under "diagnostics" in the configuration.',
      cause: error,
    });
  }
}
