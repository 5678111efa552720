import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { testServer } from './server.ts';

const DEBIAN = '/usr/lib/postgresql';

/** A pg_dump of the machine; default: any that can dump the server of this run, since it refuses newer servers. */
export function findPgDump(suits = (major: number) => major >= serverMajor()): string | undefined {
  return candidates().find((program) => suits(majorOf(program)));
}

/** The major version of the server of this run. */
export function serverMajor(): number {
  return Math.floor(testServer().versionNumber / 10_000);
}

/** The first of the PATH, then Debian's. */
function candidates(): string[] {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  return ['pg_dump', ...versions.map((version) => `${DEBIAN}/${version}/bin/pg_dump`).filter(existsSync)];
}

/** 0 when it cannot be run. */
function majorOf(program: string): number {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}
