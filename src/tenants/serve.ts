import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { AishaError, messageOf } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { ResolutionCache } from './cache.ts';
import { TenantResolver } from './resolver.ts';
import type { TenantDatabase } from './tenant-database.ts';

export interface ServeOptions {
  readonly database: TenantDatabase;
  readonly cache: ResolutionCache;
  readonly systemTenant: string | undefined;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly token: Secret | undefined;
  /** The server stops when it is aborted. */
  readonly signal: AbortSignal;
  readonly onListening: (url: string) => void;
  /** Told once of each kind of trouble in a row, and when it is over. */
  readonly log: (line: string) => void;
}

/**
 * Answers requests until it is told to stop; then those under way are answered, and no new ones taken.
 * @throws AishaError (connection, usage) when the database cannot be used or the address is taken
 */
export async function serveTenants(options: ServeOptions): Promise<TenantResolver> {
  const { database, cache, systemTenant, signal } = options;
  const resolver = new TenantResolver({ lookup: readAndTell(options), cache, systemTenant });
  await database.connect();
  // Loaded here: an HTTP server is nothing that another command needs.
  const { createTenantServer } = await import('./http.ts');
  const server = createTenantServer({
    resolver,
    token: options.token,
    onDefect: (error) => options.log(`a request failed: ${error instanceof Error ? error.stack : String(error)}`),
  });
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    options.onListening(url);
    await aborted(signal);
  } catch (error) {
    throw explainListen(error, options);
  } finally {
    await stop(server);
    await database.close();
  }
  return resolver;
}

/** Milliseconds between two looks for connections that have become idle. */
const SWEEP_MS = 100;

/** A client keeps its connection after its last answer; closing waits for all of them. */
async function stop(server: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => server.server.closeIdleConnections(), SWEEP_MS);
  await server.close().finally(() => clearInterval(sweep));
}

function readAndTell({
  database,
  log,
}: ServeOptions): (identifiers: readonly string[]) => ReturnType<TenantDatabase['read']> {
  let trouble: string | undefined;
  return async (identifiers) => {
    try {
      const rows = await database.read(identifiers);
      if (trouble !== undefined) log('the database answers again');
      trouble = undefined;
      return rows;
    } catch (error) {
      const message = messageOf(error);
      if (message !== trouble) log(`the database gives no answer: ${message}`);
      trouble = message;
      throw error;
    }
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function explainListen(error: unknown, { host, port }: ServeOptions): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const where = `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    return new AishaError('usage', `${where} is in use by another program`, { hint: 'Choose another --port.' });
  }
  if (code === 'EACCES') {
    return new AishaError('usage', `this user may not listen on ${where}`, { hint: 'Choose a --port above 1023.' });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new AishaError('usage', `this machine has no address ${host}`, { hint: 'Choose another --host.' });
  }
  return error;
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
