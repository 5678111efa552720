import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { passfileLine } from './libpq-environment.ts';
import { withScratchFolder } from './scratch-folder.ts';
import type { Target } from './target.ts';

/**
 * Lends a password file (mode 0600 in a folder of mode 0700) with the target's password while `use` runs; `undefined`
 * when there is no password. It goes on every way out; what a killed process has left goes with the next call.
 */
export async function withPassfile<T>(
  { password }: Target,
  use: (passfile: string | undefined) => Promise<T>,
): Promise<T> {
  if (password === undefined) return use(undefined);
  return withScratchFolder(async (folder) => {
    const passfile = join(folder, 'pgpass');
    writeFileSync(passfile, passfileLine(password.reveal()), { mode: 0o600, flag: 'wx' });
    return use(passfile);
  });
}
