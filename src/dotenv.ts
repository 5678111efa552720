import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { AishaError } from './errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment with the `.env` of the working directory behind it: what is set already wins, also when it is empty.
 * @throws AishaError (usage) when there is a `.env` that cannot be read: without it another database might be taken
 */
export async function withDotenv(cwd: string, env: Environment): Promise<Environment> {
  const text = await readDotenv(join(cwd, '.env'));
  return text === undefined ? env : { ...parseDotenv(text), ...env };
}

/**
 * `KEY=VALUE` lines with comments, `export`, quotes and values of several lines in quotes, as `node --env-file` reads
 * them. A # outside of quotes begins a comment.
 */
export function parseDotenv(text: string): Readonly<Record<string, string>> {
  const entries = Object.entries(parseEnv(text.replace(/^\uFEFF/, '')));
  // parseEnv takes a line without = for the beginning of the next key.
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key
        .split('\n')
        .at(-1)!
        .replace(/^\s*export\s+/, ''),
      value ?? '',
    ]),
  );
}

async function readDotenv(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A folder of that name is a Python environment.
    if (code === 'ENOENT' || code === 'EISDIR') return undefined;
    throw new AishaError('usage', `${path} cannot be read`, {
      hint: 'Let this user read it, or remove it.',
      cause: error,
    });
  }
}
