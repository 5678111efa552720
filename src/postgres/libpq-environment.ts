import { AishaError } from '../errors.ts';
import type { Target } from './target.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LibpqOptions {
  /** Shown in pg_stat_activity, whatever the user chose: leftovers are found by it. */
  readonly applicationName: string;
  /** File that `passfileLine` was written to; `undefined` when there is no password. */
  readonly passfile: string | undefined;
  /** Database in place of the target's. */
  readonly database?: string | undefined;
}

/**
 * The environment of a program of PostgreSQL that is to connect exactly where we do, and the whole of it: no PG*
 * variable of ours comes in between, and no password is in it (PostgreSQL docs 34.15).
 * @param base variables of this process; only what a program needs to run is taken
 * @throws AishaError (usage) for what libpq takes from nowhere but the arguments, which everybody can see
 */
export function libpqEnvironment(target: Target, options: LibpqOptions, base: Environment): Record<string, string> {
  const { ssl } = target;
  if (ssl.keyPassword !== undefined) {
    throw new AishaError('usage', 'sslpassword cannot be handed to pg_dump without showing it to every user', {
      hint: 'Use a client key without a passphrase, readable by you alone (mode 0600).',
    });
  }
  const variables: Environment = {
    PATH: base['PATH'],
    HOME: base['HOME'],
    TMPDIR: base['TMPDIR'],
    // Messages are read by people and by us.
    LC_ALL: 'C.UTF-8',
    PGHOST: target.host,
    PGHOSTADDR: target.hostAddress,
    PGPORT: String(target.port),
    PGDATABASE: options.database ?? target.database,
    PGUSER: target.user,
    // Also without a password: else ~/.pgpass would be asked, which was asked already.
    PGPASSFILE: options.passfile ?? '/dev/null',
    PGAPPNAME: options.applicationName,
    PGOPTIONS: target.options,
    PGCONNECT_TIMEOUT: String(Math.ceil(target.connectTimeoutMs / 1000)),
    PGSSLMODE: ssl.mode,
    PGSSLNEGOTIATION: ssl.negotiation === 'direct' ? 'direct' : undefined,
    PGSSLROOTCERT: ssl.rootCert,
    PGSSLCRL: ssl.crl,
    PGSSLCERT: ssl.cert,
    PGSSLKEY: ssl.key,
    PGCHANNELBINDING: ssl.channelBinding ? 'require' : undefined,
    // Poolers answer the question for GSSAPI with nonsense (supabase/supabase#22213).
    PGGSSENCMODE: 'disable',
  };
  const given = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given);
}

/**
 * A password file's line for whatever the program connects to: it is told one server only (PostgreSQL docs 34.16).
 * @throws AishaError (usage) for a password that no line can hold
 */
export function passfileLine(password: string): string {
  if (/[\r\n]/.test(password)) {
    throw new AishaError('usage', 'the password has a line break, which no password file can hold', {
      hint: 'Give the role another password.',
    });
  }
  return `*:*:*:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n`;
}
