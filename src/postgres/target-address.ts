import { AishaError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { LocalSystem } from './local-system.ts';

export type TargetSource = 'flag' | `env:${string}` | 'AISHA_DATABASE_URL' | 'DATABASE_URL' | 'PG*' | 'embedded';

/** An environment of the configuration, as far as an address goes. */
export interface EnvironmentAddress {
  readonly url?: Secret | undefined;
  /** Name of the environment variable that holds the URL. */
  readonly urlFrom?: string | undefined;
  readonly protected: boolean;
}

export interface TargetSources {
  /** What `databaseUrl` was given with, if not with `--database-url`. */
  readonly flag?: string | undefined;
  /** `--database-url`. */
  readonly databaseUrl?: string | undefined;
  /** `--env`: a name in `environments`. */
  readonly environment?: string | undefined;
  readonly environments?: Readonly<Record<string, EnvironmentAddress>> | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files and user of this machine; by default the real ones. */
  readonly system?: LocalSystem | undefined;
}

/** A connection string, what messages call it, and its kind; no text means the PG* variables. */
export interface Address {
  readonly source: TargetSource;
  readonly name: string;
  readonly text?: string;
}

/** @throws AishaError (usage) when nothing names a database */
export function chooseAddress(sources: TargetSources): Address {
  const { databaseUrl, environment, env } = sources;
  if (databaseUrl !== undefined) return { source: 'flag', name: sources.flag ?? '--database-url', text: databaseUrl };
  if (environment !== undefined) return environmentAddress(environment, sources);
  for (const name of ['AISHA_DATABASE_URL', 'DATABASE_URL'] as const) {
    if (env[name]) return { source: name, name, text: env[name] };
  }
  const namesDatabase = ['PGHOST', 'PGHOSTADDR', 'PGDATABASE', 'PGSERVICE'].some((name) => env[name]);
  if (namesDatabase) return { source: 'PG*', name: 'the PG* variables' };
  throw new AishaError('usage', 'no database is named', {
    hint: 'Name one in one of these ways, or use --embedded for a private one of this project.',
    details: [
      '--database-url postgres://USER:PASSWORD@HOST:PORT/DATABASE',
      '--env NAME, an environment of aisha-db.config.json',
      'AISHA_DATABASE_URL or DATABASE_URL, also in .env',
      'PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD or PGSERVICE',
    ],
  });
}

function environmentAddress(name: string, sources: TargetSources): Address {
  const environments = sources.environments ?? {};
  const environment = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (environment === undefined) throw unknownEnvironment(name, Object.keys(environments));
  const text = addressText(environment, sources.env);
  if (text !== undefined) {
    return { source: `env:${name}`, name: environment.url ? `environment "${name}"` : environment.urlFrom!, text };
  }
  throw environment.urlFrom === undefined
    ? new AishaError('usage', `environment "${name}" does not say where to connect`, {
        hint: `Give it "url", or "urlFrom" with the name of the variable that holds the URL, in aisha-db.config.json.`,
      })
    : new AishaError('usage', `${environment.urlFrom} is not set`, {
        hint: `Environment "${name}" takes its URL from the variable ${environment.urlFrom}: set it, or put it into .env.`,
      });
}

export function unknownEnvironment(name: string, known: readonly string[]): AishaError {
  return new AishaError('usage', `there is no environment "${name}" in the configuration`, {
    hint:
      known.length === 0
        ? 'aisha-db.config.json names environments under "environments".'
        : `Known are: ${known.join(', ')}.`,
  });
}

/** The connection string of an environment; `undefined` when it has none or its variable is not set. */
export function addressText(environment: EnvironmentAddress, env: TargetSources['env']): string | undefined {
  const fromVariable = environment.urlFrom === undefined ? undefined : env[environment.urlFrom];
  return environment.url?.reveal() ?? (fromVariable === '' ? undefined : fromVariable);
}
