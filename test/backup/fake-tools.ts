import { chmod, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { makeFolder } from '../support/folder.ts';
import { findPgDump } from '../support/pg-dump.ts';

/** The real tools, of which one waits at its start until it is told to go on. */
export interface HeldTools {
  readonly binDir: string;
  /** Resolves when the tool was started. */
  started(): Promise<void>;
  /** Lets the tool go on. */
  release(): Promise<void>;
  /** What the tool was started with: arguments, environment, the mode of its password file. */
  heard(): Promise<{ readonly args: string; readonly env: string; readonly passfile: string }>;
  /** Its pid, which is that of the real one after the release. */
  pid(): Promise<number>;
}

/** Folder of the real pg_dump and pg_restore for the server of this run; `undefined` when the machine has none. */
export function realBinDir(): string | undefined {
  const program = findPgDump();
  return program && dirname(program);
}

/** @param held which of them; pg_restore only when it restores */
export async function heldTools(held: 'pg_dump' | 'pg_restore' = 'pg_dump'): Promise<HeldTools> {
  const real = realBinDir()!;
  const binDir = await makeFolder({
    [held]: `#!/bin/sh
case "$1" in --version|--list) exec '${real}/${held}' "$@" ;; esac
here=$(dirname "$0")
printf '%s\\n' "$@" > "$here/args"
env > "$here/env"
{ stat -c '%a' "$PGPASSFILE"; cat "$PGPASSFILE"; } > "$here/passfile"
echo $$ > "$here/pid"
: > "$here/started"
while [ ! -e "$here/go" ]; do echo '${held}: held' >&2; sleep 0.05; done
exec '${real}/${held}' "$@"
`,
  });
  await chmod(join(binDir, held), 0o755);
  const other = held === 'pg_dump' ? 'pg_restore' : 'pg_dump';
  await symlink(join(real, other), join(binDir, other));
  const read = (name: string) => readFile(join(binDir, name), 'utf8');
  return {
    binDir,
    started: () => expect.poll(() => read('started').catch(() => 'no'), { timeout: 30_000 }).toBe(''),
    release: () => writeFile(join(binDir, 'go'), ''),
    heard: async () => ({ args: await read('args'), env: await read('env'), passfile: await read('passfile') }),
    pid: async () => Number(await read('pid')),
  };
}
