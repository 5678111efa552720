import type { EventEmitter } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, ClientConfig } from 'pg';
import { AishaError } from '../errors.ts';
import { connectionError } from './connection-error.ts';
import { noteReported } from './reported.ts';
import { type SslAttempt, sslAttempts } from './ssl.ts';
import type { Target } from './target.ts';

/** A NOTICE or WARNING of the server (PostgreSQL docs 55.8 "Error and Notice Message Fields"). */
export interface Notice {
  readonly severity?: string | undefined;
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
}

export interface ConnectOptions {
  /** Shown in pg_stat_activity, unless the user chose a name (PGAPPNAME). */
  readonly applicationName: string;
  /** Milliseconds for the whole of one attempt; 0 waits for ever; by default the target's. */
  readonly connectTimeoutMs?: number | undefined;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
  /** Session settings from the first moment on, without a round trip: sent as `-c name=value`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Probes that keep firewalls from forgetting a connection that waits for a long statement. */
const KEEP_ALIVE_MS = 30_000;
/** Node gives each address of a name 250 ms before it takes the next: too short across an ocean. */
const ADDRESS_TIMEOUT_MS = 2_000;

/** How a server says that pg_hba.conf wants the connection with TLS, or without. */
const REFUSED_BY_HBA = '28000';

/**
 * Opens one session; nothing is sent but the log-in. A connection that is lost later makes the next query fail.
 * @throws AishaError (connection) that says what was tried and what to check; (interrupted) when aborted
 */
export async function connect(target: Target, options: ConnectOptions): Promise<Client> {
  const [first, second] = sslAttempts(target.ssl);
  const tried = [describeAttempt(target, first)];
  try {
    return await attempt(target, options, first);
  } catch (error) {
    if (second === undefined || !isRefusalOf(first, error)) throw explain(error, target, tried, options);
  }
  tried.push(describeAttempt(target, second));
  try {
    return await attempt(target, options, second);
  } catch (error) {
    throw explain(error, target, tried, options);
  }
}

async function attempt(target: Target, options: ConnectOptions, ssl: SslAttempt): Promise<Client> {
  options.signal?.throwIfAborted();
  const { default: pg } = await loadDriver();
  net.setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);
  const client = new pg.Client(clientConfig(target, options, ssl));
  setStartupOptions(client, target, options);
  noteReported(client);
  const assertBound = target.ssl.channelBinding ? requireChannelBinding(client) : undefined;
  // Without a listener a lost connection would end the process; the next query reports it.
  client.on('error', () => {});
  if (options.onNotice !== undefined) client.on('notice', options.onNotice);
  const abort = (): void => destroy(client, new Error('interrupted'));
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    assertBound?.();
    return client;
  } catch (error) {
    destroy(client);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/**
 * pg finds out whether it runs on Cloudflare, and on Node 20, which has no `navigator`, it does so with a Response:
 * that loads all of fetch, half of what starting this program costs. Node 21 and later have the global by themselves.
 */
function loadDriver(): Promise<typeof import('pg')> {
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', {
      value: { userAgent: `Node.js/${process.versions.node.split('.')[0]}` },
      configurable: true,
    });
  }
  return import('pg');
}

function clientConfig(target: Target, options: ConnectOptions, ssl: SslAttempt): ClientConfig {
  const { password } = target;
  return {
    host: target.hostAddress ?? target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    // A function: a missing password is noticed when the server asks for one, and never taken from PGPASSWORD.
    password: () => {
      if (password === undefined) throw Object.assign(new Error('password missing'), { code: 'NO_PASSWORD' });
      return password.reveal();
    },
    // The certificate carries the name, also where an address was given for it.
    ssl: ssl === false ? false : { ...ssl, ...(net.isIP(target.host) === 0 ? { servername: target.host } : {}) },
    sslnegotiation: ssl === false ? 'postgres' : target.ssl.negotiation,
    enableChannelBinding: target.ssl.channelBinding,
    application_name: target.applicationName ?? options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? target.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
}

/** What pg has and its types do not tell. */
interface DriverInternals {
  readonly connectionParameters: { options: string | undefined; replication: string | undefined };
  readonly connection: EventEmitter & { readonly stream: Duplex };
}

/** Set behind the constructor, which would replace an empty value by PGOPTIONS and PGREPLICATION. */
function setStartupOptions(client: Client, target: Target, options: ConnectOptions): void {
  // White space and backslashes are escaped (PostgreSQL docs 34.1.2, parameter "options").
  const settings = Object.entries(options.settings ?? {}).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(/[\s\\]/g, '\\$&')}`,
  );
  const parameters = internals(client).connectionParameters;
  parameters.options = [target.options ?? '', ...settings].join(' ').trim() || undefined;
  parameters.replication = undefined;
}

/**
 * pg only prefers channel binding: here every other way to log in ends the connection before a proof is sent.
 * @returns a check for after the log-in, since a server that asks for nothing is ready before the connection has ended
 */
function requireChannelBinding(client: Client): () => void {
  const { connection } = internals(client);
  const refusal = Object.assign(new Error('no channel binding'), { code: 'NO_CHANNEL_BINDING' });
  let isBound = false;
  connection.on('authenticationSASL', (message: { readonly mechanisms: readonly string[] }) => {
    isBound = message.mechanisms.includes('SCRAM-SHA-256-PLUS');
    if (!isBound) destroy(client, refusal);
  });
  connection.on('authenticationCleartextPassword', () => destroy(client, refusal));
  connection.on('authenticationMD5Password', () => destroy(client, refusal));
  return () => {
    if (!isBound) throw refusal;
  };
}

function destroy(client: Client, error?: Error): void {
  internals(client).connection.stream.destroy(error);
}

function internals(client: Client): DriverInternals {
  return client as unknown as DriverInternals;
}

/**
 * True when the server refused the connection for being, or not being, TLS: only then is there a second attempt. A
 * wrong password is not sent twice.
 */
function isRefusalOf(ssl: SslAttempt, error: unknown): boolean {
  const { code = '', message } = error as Error & { readonly code?: string };
  if (code === REFUSED_BY_HBA) return message.includes('pg_hba.conf');
  return ssl === false
    ? /\b(?:SSL|TLS)\b/.test(message)
    : /SSL connection/.test(message) || /^ERR_SSL|^EPROTO/.test(code);
}

function describeAttempt(target: Target, ssl: SslAttempt): string {
  const address = target.hostAddress === undefined ? '' : ` (${target.hostAddress})`;
  return `${target.describe()}${address}, ${ssl === false ? 'without TLS' : `with TLS (sslmode ${target.ssl.mode})`}`;
}

function explain(error: unknown, target: Target, tried: readonly string[], options: ConnectOptions): AishaError {
  if (options.signal?.aborted) {
    return new AishaError('interrupted', `interrupted while connecting to ${target.describe()}`);
  }
  return error instanceof AishaError ? error : connectionError(error, target, tried);
}
