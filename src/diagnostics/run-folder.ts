import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AishaError, messageOf } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { fingerprint } from '../report/fingerprint.ts';
import { KEPT_RUNS, READ_RUNS, type RunStore, toHistory } from './run-store.ts';

/** Runs kept as files: for whoever may not write to the database. One folder serves any number of databases. */
export function runFolder(folder: string, target: Target): RunStore {
  const prefix = prefixFor(target);
  return {
    async read() {
      const files = (await list(folder, prefix)).slice(0, READ_RUNS);
      return toHistory(await Promise.all(files.map((file) => parse(join(folder, file)))));
    },
    async write(run) {
      // The time sorts; the rest tells two runs of one moment apart.
      const name = `${prefix}${run.takenAt.replaceAll(':', '-')}-${randomBytes(3).toString('hex')}.json`;
      const draft = join(folder, `.${name}.tmp`);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(draft, `${JSON.stringify(run)}\n`, { flag: 'wx' });
        await rename(draft, join(folder, name));
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {});
        throw cannot('written to', folder, error);
      }
      const old = (await list(folder, prefix)).slice(KEPT_RUNS);
      await Promise.all(old.map((file) => rm(join(folder, file), { force: true })));
    },
  };
}

/** Of this database's files, whatever its name holds: `diagnose-crm-5f0c2a91-`. */
function prefixFor({ host, port, database }: Target): string {
  const readable = database.replaceAll(/[^A-Za-z0-9_.]+/g, '_').slice(0, 40);
  return `diagnose-${readable}-${fingerprint(host, String(port), database).slice(0, 8)}-`;
}

/** From the latest. */
async function list(folder: string, prefix: string): Promise<string[]> {
  try {
    const files = await readdir(folder);
    return files
      .filter((file) => file.startsWith(prefix) && file.endsWith('.json'))
      .sort()
      .reverse();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cannot('read in', folder, error);
  }
}

/** What the file holds; nothing that could be a run when it is cut off or cannot be read. */
async function parse(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function cannot(what: string, folder: string, error: unknown): AishaError {
  return new AishaError('usage', `stored runs cannot be ${what} ${folder}: ${messageOf(error)}`, {
    hint: 'Name a folder that can be read and written to with --runs-dir, or "runsDir" under "diagnostics" in the configuration.',
    cause: error,
  });
}
