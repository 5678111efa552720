import { cpSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { canReach, chooseServerUser, type ServerUser, spawnAs } from '../../src/postgres/server-user.ts';
import { makeFolder } from './folder.ts';
import { type RunOptions, type RunResult, runCli } from './run.ts';

/** The program as someone who is not root can run it. */
export interface OrdinaryUser {
  /** `undefined` when the tests run as an ordinary user themselves. */
  readonly user: ServerUser | undefined;
  /** Folder of the compiled modules. */
  readonly build: string;
  readonly node: string;
  /** bin/aisha-db.js, with the bundled program beside it. */
  readonly program: string;
}

const ROOT = resolve(import.meta.dirname, '../..');

/** A user who is not root, with a program that he can reach: checkout and node may lie below /root. */
export async function becomeOrdinaryUser(): Promise<OrdinaryUser> {
  const user = chooseServerUser();
  const node = process.execPath;
  if (canReach(user, dirname(node)) && canReach(user, join(ROOT, 'node_modules'))) {
    return { user, node, build: join(ROOT, 'build'), program: join(ROOT, 'bin/aisha-db.js') };
  }
  const folder = await makeFolder();
  cpSync(node, join(folder, 'node'));
  for (const part of ['bin', 'build', 'dist', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  // The driver is part of the bundle, so the package does not ask for it; the modules do.
  for (const name of packagesBelow([...neededBy(join(ROOT, 'package.json')), 'pg'])) {
    cpSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  return { user, node: join(folder, 'node'), build: join(folder, 'build'), program: join(folder, 'bin/aisha-db.js') };
}

/** These packages and all that they need, as far as installed. */
function packagesBelow(names: readonly string[], found = new Set<string>()): ReadonlySet<string> {
  for (const name of names) {
    const manifest = join(ROOT, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) continue;
    found.add(name);
    packagesBelow(neededBy(manifest), found);
  }
  return found;
}

function neededBy(manifest: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies)];
}

/** Runs the program as someone whom the permissions of files concern; root may read everything. */
export async function runAsOrdinaryUser(
  args: readonly string[],
  options: Omit<RunOptions, 'program'>,
): Promise<RunResult> {
  const { user, node, program } = await becomeOrdinaryUser();
  return runCli(args, { ...options, program: { node, path: program, ...spawnAs(user) } });
}
