import { AishaError, messageOf } from '../errors.ts';
import type { Target } from './target.ts';

/** What is wrong and what to check (manual 11.2, docs/troubleshooting). */
interface Diagnosis {
  readonly message: string;
  readonly hint: string;
}

/** What the driver, the socket, TLS or the server threw, as far as it is looked at. */
interface Thrown {
  /** SQLSTATE of the server, or a code of Node or OpenSSL. */
  readonly code: string | undefined;
  readonly message: string;
  readonly isFromServer: boolean;
}

const SUPABASE_PAUSED = 'a Supabase project of the free tier is paused when unused (resume it in the dashboard)';

/**
 * Turns a failure to connect into what a person can act on.
 * @param tried one line for each attempt that was made: `TLS to localhost:5432`
 */
export function connectionError(error: unknown, target: Target, tried: readonly string[]): AishaError {
  const thrown = read(error);
  const diagnosis = (thrown.isFromServer ? diagnoseLogin(thrown, target) : undefined) ??
    diagnoseNetwork(thrown, target) ??
    diagnoseTls(thrown, target) ?? {
      message: `connection to ${target.describe()} failed: ${lowerFirst(thrown.message)}`,
      hint: `Check the connection string (${sourceName(target)}) and that a PostgreSQL server listens there.`,
    };
  return new AishaError('connection', diagnosis.message, {
    hint: diagnosis.hint,
    details: [...tried.map((line) => `tried ${line}`), `address from ${sourceName(target)}`],
    cause: error,
    ...(thrown.isFromServer && thrown.code !== undefined ? { sqlState: thrown.code } : {}),
  });
}

/** The server answered and said no (PostgreSQL docs appendix A for the codes). */
function diagnoseLogin({ code, message }: Thrown, target: Target): Diagnosis | undefined {
  const { user, database } = target;
  if (/tenant or user not found|tenant\/user .* not found/i.test(message)) {
    return {
      message: `the pooler at ${target.host} knows no project for user "${user}"`,
      hint: 'Through a Supabase pooler the user is postgres.PROJECT-REF and the host that of the project\'s region: copy both from "Connect" in the dashboard.',
    };
  }
  switch (code) {
    case '28P01':
      return {
        message: `wrong password for user "${user}" of ${place(target)}`,
        hint: `Check the password (${passwordWays(target)}); in a URL, characters such as @ : / ? # % are written percent-encoded.`,
      };
    case '28000':
      return diagnoseRefusal(message, target);
    case '3D000':
      return {
        message: `database "${database}" does not exist on ${place(target)}`,
        hint: `Correct the database name in ${sourceName(target)}, or create it: createdb ${database}. On Supabase it is called postgres.`,
      };
    case '42501':
      return {
        message: `user "${user}" may not connect to database "${database}" of ${place(target)}`,
        hint: `Let an owner run: grant connect on database "${database}" to "${user}".`,
      };
    case '53300':
      return {
        message: `too many connections on ${place(target)}: ${lowerFirst(message)}`,
        hint: 'End idle sessions (aisha-db connections lists them) or raise max_connections; on Supabase: Dashboard, Settings, Database, or use the session pooler.',
      };
    case '57P03':
      return {
        message: `the server at ${place(target)} takes no connections yet: ${lowerFirst(message)}`,
        hint: 'It is starting, stopping or recovering: try again in a moment.',
      };
    case '55000':
      return {
        message: `database "${database}" of ${place(target)} takes no connections`,
        hint: `Let a superuser run: alter database "${database}" with allow_connections true.`,
      };
    default:
      return undefined;
  }
}

/** 28000: no such role, no log-in, or pg_hba.conf says no. */
function diagnoseRefusal(message: string, target: Target): Diagnosis {
  const { user } = target;
  if (/does not exist/.test(message)) {
    return {
      message: `role "${user}" does not exist on ${place(target)}`,
      hint: `Correct the user in ${sourceName(target)}, or create the role: createuser --login ${user}.`,
    };
  }
  if (/not permitted to log in/.test(message)) {
    return {
      message: `role "${user}" of ${place(target)} may not log in`,
      hint: `Use another role, or let an owner run: alter role "${user}" login.`,
    };
  }
  if (/pg_hba\.conf/.test(message)) {
    return {
      message: `the server at ${place(target)} refuses this connection: ${lowerFirst(message)}`,
      hint: /no encryption|SSL off/.test(message)
        ? 'The server may want TLS: use sslmode=require. Otherwise its pg_hba.conf needs a line for this host, user and database.'
        : 'Its pg_hba.conf needs a line for this host, user and database.',
    };
  }
  return {
    message: `the server at ${place(target)} refuses user "${user}": ${lowerFirst(message)}`,
    hint: 'Check the user, its log-in method in pg_hba.conf and, where one is wanted, the client certificate.',
  };
}

/** Nobody answered, or not as a server does; the last two are of connect.ts. */
function diagnoseNetwork({ code }: Thrown, target: Target): Diagnosis | undefined {
  const ipv6Hint = ipv6OnlyHint(target);
  switch (code) {
    case 'ECONNREFUSED':
      return {
        message: `nothing listens at ${place(target)}`,
        hint: `Check that the server runs, that host and port in ${sourceName(target)} are right, and that listen_addresses lets others than localhost in.`,
      };
    case 'ENOENT':
    case 'EACCES':
      if (!target.host.startsWith('/')) return unreachable(target);
      return {
        message: `there is no server socket that this user can open at ${target.host}/.s.PGSQL.${target.port}`,
        hint: 'Check that the server runs and unix_socket_directories names this folder, or use host=localhost.',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return {
        message: `host "${target.host}" cannot be found (DNS)`,
        hint: ipv6Hint ?? `Check the host name in ${sourceName(target)} and this machine's network and name servers.`,
      };
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EPERM':
      return unreachable(target);
    case 'ETIMEDOUT':
      return {
        message: `connection to ${place(target)} timed out`,
        hint:
          ipv6Hint ??
          `Check the network, that no firewall blocks port ${target.port}, and the address in ${sourceName(target)}; ${SUPABASE_PAUSED}. connect_timeout=SECONDS in the URL gives it longer.`,
      };
    case 'ECONNRESET':
    case 'EPIPE':
      return {
        message: `${place(target)} closed the connection before log-in was done`,
        hint: `Check that it is a PostgreSQL server and not another service, and its log; ${SUPABASE_PAUSED}.`,
      };
    case 'NO_PASSWORD':
      return {
        message: `password missing for user "${target.user}" of ${place(target)}`,
        hint: `Give one: ${passwordWays(target)}.`,
      };
    case 'NO_CHANNEL_BINDING':
      return {
        message: `${place(target)} offers no log-in with channel binding and channel_binding is require`,
        hint: 'It takes TLS and a SCRAM-SHA-256 password; remove channel_binding=require where poolers or proxies end TLS.',
      };
    default:
      return undefined;
  }
}

function unreachable(target: Target): Diagnosis {
  return {
    message: `host "${target.host}" cannot be reached from this machine`,
    hint: ipv6OnlyHint(target) ?? 'Check the network, VPN and firewall between this machine and the server.',
  };
}

/** Certificates and the TLS handshake; the codes are OpenSSL's as Node names them. */
function diagnoseTls({ code, message }: Thrown, target: Target): Diagnosis | undefined {
  if (message.includes('does not support SSL')) {
    return {
      message: `the server at ${place(target)} offers no TLS and sslmode is ${target.ssl.mode}`,
      hint: 'Turn ssl on in the server, or use sslmode=prefer or disable where the network is trusted.',
    };
  }
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        message: `the certificate of ${place(target)} is for another host name`,
        hint: `${message.split(':').slice(-1)[0]!.trim()} Connect by a name the certificate carries, or use sslmode=verify-ca to check the authority only.`,
      };
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_UNTRUSTED':
      return {
        message: `the certificate of ${place(target)} is not signed by a trusted authority (sslmode ${target.ssl.mode})`,
        hint: `Name the authority's certificate with sslrootcert (now ${target.ssl.rootCert ?? 'none'}); Supabase offers its own under Dashboard, Settings, Database, SSL.`,
      };
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
    case 'CERT_REVOKED':
      return {
        message: `the certificate of ${place(target)} is not valid: ${lowerFirst(message)}`,
        hint: "Renew the server's certificate and check the clock of this machine.",
      };
    default:
      if (!/^ERR_(SSL|OSSL|TLS)|^EPROTO$/.test(code ?? '') && !/SSL connection/.test(message)) return undefined;
      return {
        message: `TLS with ${place(target)} failed: ${lowerFirst(message)}`,
        hint: `Check sslmode (${target.ssl.mode}), sslrootcert, sslcert and sslkey, and that the server speaks TLS.`,
      };
  }
}

/** Supabase's direct hosts have an IPv6 address only; most CI runners and many networks have none. */
function ipv6OnlyHint(target: Target): string | undefined {
  const project = /^db\.(\w+)\.supabase\.(?:co|com)$/i.exec(target.host)?.[1];
  if (project === undefined) return undefined;
  return `The direct host of a Supabase project has an IPv6 address only. Without IPv6 use the session pooler: host aws-0-REGION.pooler.supabase.com, port 5432, user ${target.user.split('.')[0]}.${project} ("Connect" in the dashboard); also check the project reference and that the project is not paused.`;
}

function passwordWays(target: Target): string {
  const inUrl = target.source === 'PG*' ? 'PGPASSWORD' : `in ${sourceName(target)} or as PGPASSWORD`;
  return `${inUrl}, or in ~/.pgpass with mode 0600`;
}

function place(target: Target): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return `${host}:${target.port}`;
}

function sourceName(target: Target): string {
  if (target.source === 'flag') return target.flag ?? '--database-url';
  if (target.source === 'PG*') return 'the PG* variables';
  return target.source.startsWith('env:') ? `environment ${target.source.slice(4)}` : target.source;
}

/** An AggregateError (each address of a name was tried) has no message of its own: the first error speaks for all. */
function read(error: unknown): Thrown {
  if (error instanceof AggregateError && error.errors.length > 0) return read(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const message = messageOf(error);
  const isFromServer = error instanceof Error && 'severity' in error;
  if (message === 'timeout expired') return { code: 'ETIMEDOUT', message, isFromServer };
  if (/^Connection terminated/.test(message)) return { code: 'ECONNRESET', message, isFromServer };
  return { code, message, isFromServer };
}

function lowerFirst(text: string): string {
  // Names in capitals stay: "SSL", "FATAL".
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
