import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { defaultCacheDir } from '../../src/postgres/native-package.ts';
import { chooseServerUser } from '../../src/postgres/server-user.ts';
import { testServer } from './server.ts';

const DEBIAN = '/usr/lib/postgresql';

/** Clients of versions that this release of Debian does not have: scripts/newer-clients.sh fetches them. */
const CLIENTS = process.env['AISHA_CLIENTS'] ?? join(defaultCacheDir(chooseServerUser()), 'clients');

/** A pg_dump of the machine; default: any that can dump the server of this run, since it refuses newer servers. */
export function findPgDump(suits = (major: number) => major >= serverMajor()): string | undefined {
  return candidates().find((program) => suits(majorOf(program)));
}

/** The major version of the server of this run. */
export function serverMajor(): number {
  return Math.floor(testServer().versionNumber / 10_000);
}

/** The first of the PATH, then Debian's, then what scripts/newer-clients.sh has put beside them. */
function candidates(): string[] {
  const programs = [DEBIAN, CLIENTS].flatMap((folder) =>
    versionsIn(folder).map((version) => join(folder, version, 'bin/pg_dump')),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'pg_dump'));
  return [...path, ...programs].filter(existsSync);
}

function versionsIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** 0 when it cannot be run. */
function majorOf(program: string): number {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}
