import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { ConnectionParameters } from './connection-string.ts';

/** The parameters that are honoured and the variable that gives each (PostgreSQL docs 34.1.2 and 34.15). */
const VARIABLES = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  servicefile: 'PGSERVICEFILE',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcrl: 'PGSSLCRL',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  channel_binding: 'PGCHANNELBINDING',
} as const;

type ParameterName = keyof typeof VARIABLES;

/** Every variable that is read, for the documentation's test. */
export const PARAMETER_VARIABLES: readonly string[] = Object.values(VARIABLES).filter((name) => name !== undefined);

/** Of libpq, without meaning here: one server, one UTF-8 session, keep-alives always on, no Kerberos. */
const IGNORED_OF_LIBPQ = [
  'target_session_attrs',
  'load_balance_hosts',
  'client_encoding',
  'fallback_application_name',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'gssencmode',
  'gsslib',
  'gssdelegation',
  'krbsrvname',
  'sslcompression',
  'sslsni',
];

/** What URLs made for Prisma, JDBC, node-postgres, postgres.js, Supabase and Neon carry. */
const IGNORED_OF_OTHERS = [
  'pgbouncer',
  'connection_limit',
  'pool_timeout',
  'pool_size',
  'max',
  'schema',
  'search_path',
  'currentSchema',
  'statement_cache_size',
  'prepared_statements',
  'prepare',
  'sslaccept',
  'socket_timeout',
  'supa',
  'workaround',
  'uselibpqcompat',
  'encoding',
  'statement_timeout',
  'lock_timeout',
  'query_timeout',
  'idle_in_transaction_session_timeout',
  'pooler_mode',
  'endpoint',
];

/** `ssl=true` of JDBC (libpq takes it too) and of node-postgres. */
const SSL_SWITCH: Readonly<Record<string, string>> = { true: 'require', 1: 'require', false: 'disable', 0: 'disable' };

/** One parameter and where it was said, as messages call it ("PGSSLMODE", "sslmode in DATABASE_URL"). */
export interface Parameter {
  readonly value: string;
  readonly from: string;
}

export type Parameters = Readonly<Partial<Record<ParameterName, Parameter>>>;

/** The parameters of a connection string or service section, and a note for each that is passed over. */
export interface CheckedParameters {
  readonly parameters: Parameters;
  readonly notes: readonly string[];
}

/**
 * Sorts parameters into honoured and passed over.
 * @throws AishaError (usage) for a parameter nobody knows: a mistyped sslmode must not turn TLS checks off in silence
 */
export function checkParameters(given: ConnectionParameters, name: string): CheckedParameters {
  const parameters: Partial<Record<ParameterName, Parameter>> = {};
  const notes: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (isParameterName(key)) {
      if (value !== '') parameters[key] = { value, from: `${key} in ${name}` };
    } else if (key === 'ssl' && SSL_SWITCH[value] !== undefined) {
      parameters.sslmode ??= { value: SSL_SWITCH[value], from: `ssl in ${name}` };
    } else if (IGNORED_OF_LIBPQ.includes(key) || IGNORED_OF_OTHERS.includes(key)) {
      notes.push(`parameter "${key}" in ${name} is ignored`);
    } else {
      throw unknownParameter(key, name);
    }
  }
  return { parameters, notes };
}

/** The parameters that the PG* variables give; an empty variable counts as unset. */
export function parametersFromEnv(env: Readonly<Record<string, string | undefined>>): Parameters {
  const entries = Object.entries(VARIABLES).flatMap(([key, variable]) => {
    const value = variable === undefined ? undefined : env[variable];
    return value === undefined || value === '' ? [] : [[key, { value, from: variable }]];
  });
  return Object.fromEntries(entries);
}

function isParameterName(key: string): key is ParameterName {
  return Object.hasOwn(VARIABLES, key);
}

function unknownParameter(key: string, name: string): AishaError {
  const near = didYouMean(key, Object.keys(VARIABLES));
  // A key that resembles nothing may be a piece of a password that was not percent-encoded: it is not quoted.
  return near === undefined
    ? new AishaError('usage', `${name} has a parameter that PostgreSQL does not know`, {
        hint: 'The parameters are those of libpq: sslmode, sslrootcert, connect_timeout, application_name, options and so on.',
      })
    : new AishaError('usage', `${name} has an unknown parameter "${key}"`, { hint: `Did you mean "${near}"?` });
}
