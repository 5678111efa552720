import { isIP } from 'node:net';
import { AishaError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { parseConnectionString } from './connection-string.ts';
import { type LocalSystem, localSystem } from './local-system.ts';
import {
  type CheckedParameters,
  checkParameters,
  type Parameter,
  type Parameters,
  parametersFromEnv,
} from './parameters.ts';
import { chooseAddress, type TargetSource, type TargetSources } from './target-address.ts';
import { environmentOf } from './target-environment.ts';
import { findPassword, readService } from './target-files.ts';
import { resolveSsl, type TargetSsl } from './target-ssl.ts';

/** Where to connect and as whom: everything resolved, nothing left to the driver's own reading of the environment. */
export interface Target {
  /** Name or address; a path means a Unix socket in that directory. */
  readonly host: string;
  /** Address to connect to in place of a look-up of `host` (PGHOSTADDR). */
  readonly hostAddress?: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: Secret;
  readonly ssl: TargetSsl;
  /** Milliseconds; 0 waits for ever. */
  readonly connectTimeoutMs: number;
  /** Command-line options for the server: `-c search_path=x`. */
  readonly options?: string;
  /** As the user set it; a command's own name is the fallback. */
  readonly applicationName?: string;
  /** The environment of the configuration that was named, or that has the same address. */
  readonly environment?: { readonly name: string; readonly protected: boolean };
  readonly source: TargetSource;
  /** The option that the address came with, where that is not `--database-url`. */
  readonly flag?: string;
  /** The address itself says that it is a transaction pooler: port 6543 or `pgbouncer=true`. */
  readonly isPoolerUrl: boolean;
  /** Lines for the user: parameters that are ignored, a password file that others can read. */
  readonly notes: readonly string[];
  /** `host:port/database as user`. */
  describe(): string;
}

/** libpq waits for ever; a run that hangs on a paused project helps nobody. */
const CONNECT_TIMEOUT_MS = 10_000;
const POOLER_PORT = 6543;

/**
 * Decides where to connect: `--database-url` > `--env` > AISHA_DATABASE_URL > DATABASE_URL > PG* variables. What the
 * chosen one leaves open is filled in as libpq does: service, PG* variables, password file, defaults.
 * @throws AishaError (usage) when nothing names a database or what names it cannot be understood; never quotes a secret
 */
export function resolveTarget(sources: TargetSources): Target {
  const system = sources.system ?? localSystem();
  const address = chooseAddress(sources);
  const given = address.text === undefined ? {} : parseConnectionString(address.text, address.name);
  const { parameters, notes } = fillIn(checkParameters(given, address.name), sources.env, system);
  const target = buildTarget(parameters, address.source, system);
  const environment = environmentOf(target, sources, (text) =>
    resolveTarget({ databaseUrl: text, env: sources.env, system }),
  );
  return Object.freeze({
    ...target,
    ...(environment === undefined ? {} : { environment }),
    ...(sources.flag === undefined ? {} : { flag: sources.flag }),
    isPoolerUrl: target.port === POOLER_PORT || given['pgbouncer'] === 'true',
    notes: [...notes, ...target.notes],
  });
}

/** What the connection string leaves open comes from the service's section, then from the PG* variables. */
function fillIn(given: CheckedParameters, env: TargetSources['env'], system: LocalSystem): CheckedParameters {
  const ofEnv = parametersFromEnv(env);
  const service = readService({ ...ofEnv, ...given.parameters }, env, system);
  const parameters = { ...ofEnv, ...service.parameters, ...given.parameters };
  const isHostNamed = (given.parameters.host ?? service.parameters.host) !== undefined;
  // libpq would go to PGHOSTADDR whatever host the URL names; here the URL names the database.
  if (isHostNamed && parameters.hostaddr === ofEnv.hostaddr) delete parameters.hostaddr;
  return { parameters, notes: [...given.notes, ...service.notes] };
}

function buildTarget(parameters: Parameters, source: TargetSource, system: LocalSystem): Target {
  const user = parameters.user?.value ?? system.userName;
  if (user === undefined) {
    throw new AishaError('usage', 'no role is named', { hint: 'Put the role into the URL or set PGUSER.' });
  }
  const port = parsePort(parameters.port);
  const address = parseHostAddress(parameters.hostaddr);
  const host = parseHost(parameters.host) ?? address ?? defaultHost(port, system);
  const database = parameters.dbname?.value ?? user;
  const { password, notes } = findPassword(parameters, { host, port, database, user }, system);
  return {
    host,
    ...(address === undefined ? {} : { hostAddress: address }),
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ssl: resolveSsl(parameters, system, host.startsWith('/')),
    connectTimeoutMs: parseConnectTimeout(parameters.connect_timeout),
    ...(parameters.options === undefined ? {} : { options: parameters.options.value }),
    ...(parameters.application_name === undefined ? {} : { applicationName: parameters.application_name.value }),
    source,
    isPoolerUrl: false,
    notes,
    describe: () => `${host.includes(':') ? `[${host}]` : host}:${port}/${database} as ${user}`,
  };
}

function parsePort(port: Parameter | undefined): number {
  const value = port?.value.trim() ?? '5432';
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= 65_535) return number;
  throw new AishaError('usage', `${port!.from} is not a number from 1 to 65535`, {
    hint: 'PostgreSQL listens on port 5432 unless told otherwise.',
  });
}

/** libpq tries a list of hosts in turn; a change must never go to a server that was found by trying. */
function parseHost(host: Parameter | undefined): string | undefined {
  if (host === undefined || !host.value.includes(',')) return host?.value;
  throw new AishaError('usage', `${host.from} names several hosts`, { hint: 'Name the one that is the primary.' });
}

function parseHostAddress(address: Parameter | undefined): string | undefined {
  if (address === undefined || isIP(address.value) !== 0) return address?.value;
  throw new AishaError('usage', `${address.from} is not an IP address`, { hint: 'Put a name into host (PGHOST).' });
}

/** libpq's default is the Unix socket of the machine; over TCP where there is none. */
function defaultHost(port: number, system: LocalSystem): string {
  const dirs = system.platform === 'win32' ? [] : ['/var/run/postgresql', '/tmp'];
  return dirs.find((dir) => system.exists(`${dir}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function parseConnectTimeout(timeout: Parameter | undefined): number {
  if (timeout === undefined) return CONNECT_TIMEOUT_MS;
  if (/^\s*-?\d{1,6}\s*$/.test(timeout.value)) return Math.max(0, Number(timeout.value)) * 1000;
  throw new AishaError('usage', `${timeout.from} is not a number of seconds`, {
    hint: 'Write connect_timeout as whole seconds; 0 waits for ever.',
  });
}
