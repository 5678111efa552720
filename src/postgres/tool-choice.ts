import { AishaError } from '../errors.ts';

/** pg_dump and pg_restore of one installation. */
export interface ClientTools {
  /** Folder that holds both. */
  readonly binDir: string;
  /** As `pg_dump --version` says it: `15.18`. */
  readonly version: string;
  readonly major: number;
}

/**
 * The tools to use for a server: those of its own major version, else the oldest newer ones. An older pg_dump refuses
 * the server; a newer one writes settings that an older server does not know (`transaction_timeout`, from 17 on), so
 * that "the newest" would be the wrong choice (PostgreSQL docs, pg_dump, Notes).
 */
export function chooseTools(found: readonly ClientTools[], serverMajor: number): ClientTools | undefined {
  const fitting = found.filter(({ major }) => major >= serverMajor);
  return [...fitting].sort((a, b) => a.major - b.major)[0];
}

/** Says what was found and how to install what is missing on this machine. */
export function noFittingTools(
  found: readonly ClientTools[],
  serverMajor: number,
  platform: NodeJS.Platform,
): AishaError {
  return new AishaError('tool', `no pg_dump was found that can read a server of version ${serverMajor}`, {
    details: found.map(({ binDir, version }) => `${binDir}: pg_dump ${version}, which is too old`),
    hint: `Install it with \`${installCommand(serverMajor, platform)}\`${otherSource(platform)}, or name the folder that holds pg_dump and pg_restore as "backup": { "binDir": ... } in the configuration.`,
  });
}

function installCommand(major: number, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return `brew install postgresql@${major}`;
  if (platform === 'win32') return `winget install PostgreSQL.PostgreSQL.${major}`;
  return `apt-get install postgresql-client-${major}`;
}

/** A release of Debian or Ubuntu has one version of PostgreSQL only. */
function otherSource(platform: NodeJS.Platform): string {
  return platform === 'linux' ? ' (where the system has no such package, from apt.postgresql.org)' : '';
}
