import { realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { resolveJobs, type Schedule } from '../schedule/jobs.ts';

type Options = Readonly<Record<string, unknown>>;

/**
 * The schedule of a run: jobs of the configuration, and the place where they will run.
 * @throws AishaError (usage) for a configuration or options that cannot be scheduled
 */
export function openSchedule({ config, cwd }: Context, options: Options): Schedule {
  if (options['databaseUrl'] !== undefined || options['embedded'] === true) {
    throw new AishaError('usage', 'a schedule does not take its database from the command line', {
      hint: 'Others can read it: name an environment with --env, or put DATABASE_URL into a file for --environment-file.',
    });
  }
  const name = (options['name'] as string | undefined) ?? config.environment ?? 'default';
  if (/[\u0000-\u001f]|^\s|\s$|\//.test(name)) {
    throw new AishaError('usage', `"${name}" cannot be the name of a schedule`, {
      hint: 'Give it another with --name.',
    });
  }
  const environmentFile = options['environmentFile'] as string | undefined;
  const { environment } = config;
  const block = environment === undefined ? undefined : config.environments[environment];
  return {
    name,
    jobs: resolveJobs(config.schedule),
    timezone: config.schedule.timezone,
    machineZone: machineZone(),
    place: {
      node: process.execPath,
      program: fileURLToPath(new URL('../../bin/aisha-db.js', import.meta.url)),
      cwd,
      config: config.file,
      environment:
        environment === undefined ? undefined : { name: environment, isProtected: block?.protected === true },
      variable: block?.urlFrom ?? 'AISHA_DATABASE_URL',
      environmentFile: environmentFile === undefined ? config.schedule.environmentFile : resolve(cwd, environmentFile),
      reports: join(config.stateDir, 'schedule'),
    },
  };
}

/** The zone of the machine, which cron takes; TZ only says that of this shell. */
function machineZone(): string {
  try {
    const [, zone] = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(realpathSync('/etc/localtime')) ?? [];
    if (zone !== undefined) return zone === 'Etc/UTC' ? 'UTC' : zone;
  } catch {
    // Without the file the machine's zone is UTC (tzset(3)).
  }
  return process.platform === 'linux' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** What is wrong with the file of the credentials, or with there being none. */
export function credentialProblems({ place }: Schedule, { env }: Context): readonly string[] {
  if (place.environmentFile !== undefined) return environmentFileProblems(place.environmentFile);
  const given = ['AISHA_DATABASE_URL', 'DATABASE_URL', 'PGPASSWORD'].filter((name) => process.env[name] && env[name]);
  return given.map(
    (name) =>
      `${name} is set in this shell, which no scheduler sees: write it into a file, and name that with --environment-file`,
  );
}

function environmentFileProblems(file: string): readonly string[] {
  try {
    const { mode } = statSync(file);
    return mode & 0o077 ? [`others can read ${file}: chmod 600 ${file}`] : [];
  } catch {
    return [`${file} is not there: write it with NAME=value a line, and chmod 600 it`];
  }
}
