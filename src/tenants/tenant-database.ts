import { AishaError, messageOf } from '../errors.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { TenantRow } from './resolution.ts';
import { findTenantTable, readTenants, type TenantTable } from './tenant-table.ts';

/** Milliseconds for a connection: a request waits for it (manual, pool of the backend: 2 s). */
const CONNECT_TIMEOUT_MS = 2_000;
/** Milliseconds for a query: a migration may hold the table locked. */
const QUERY_TIMEOUT_MS = 3_000;
/** The server ends a statement by itself; after this much longer (ms) the network is thought to be gone. */
const GRACE_MS = 1_000;

export interface TenantDatabaseOptions {
  readonly target: Target;
  readonly table: string;
  readonly signal: AbortSignal;
  readonly connected: (serverVersion: string) => void;
}

interface Open {
  readonly session: Session;
  readonly table: TenantTable;
}

/**
 * One session on the table of tenants, opened again when it was lost. Callers take turns (TenantResolver asks one query
 * at a time); each query is a short read-only transaction, so that a transaction pooler is as good as the server.
 */
export class TenantDatabase {
  readonly #options: TenantDatabaseOptions;
  #open: Open | undefined;

  constructor(options: TenantDatabaseOptions) {
    this.#options = options;
  }

  /** @throws AishaError (connection, usage) when the table cannot be reached or used */
  async connect(): Promise<void> {
    this.#open ??= await this.#connect();
  }

  /**
   * The rows whose id or slug is one of the identifiers. A session that turns out to be lost is opened again once.
   * @throws AishaError (connection) when the database gives no answer
   */
  async read(identifiers: readonly string[]): Promise<readonly TenantRow[]> {
    const reused = this.#open !== undefined;
    try {
      return await this.#read(identifiers);
    } catch (error) {
      if (!reused || !isLost(error)) throw unanswered(error);
    }
    return this.#read(identifiers).catch((error) => {
      throw unanswered(error);
    });
  }

  async close(): Promise<void> {
    await this.#open?.session.close();
    this.#open = undefined;
  }

  async #connect(): Promise<Open> {
    const { target, table, signal, connected } = this.#options;
    const session = await Session.open(target, {
      applicationName: 'aisha-db tenant',
      connectTimeoutMs:
        target.connectTimeoutMs === 0 ? CONNECT_TIMEOUT_MS : Math.min(target.connectTimeoutMs, CONNECT_TIMEOUT_MS),
      signal,
    });
    try {
      const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
      connected(row!.v);
      return { session, table: await findTenantTable(session, table) };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #read(identifiers: readonly string[]): Promise<readonly TenantRow[]> {
    this.#open ??= await this.#connect();
    const { session, table } = this.#open;
    try {
      return await withDeadline(session, async () => {
        const begun = await session.script([
          `begin transaction read only; set local statement_timeout = ${QUERY_TIMEOUT_MS}`,
        ]);
        if (begun.error !== undefined) throw begun.error;
        const rows = await readTenants(session, table, identifiers);
        await session.script(['commit']);
        return rows;
      });
    } catch (error) {
      // A session of which one is not sure is not used again.
      this.#open = undefined;
      session.destroy();
      throw error;
    }
  }
}

async function withDeadline<T>(session: Session, use: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => session.destroy(), QUERY_TIMEOUT_MS + GRACE_MS);
  try {
    return await use();
  } finally {
    clearTimeout(timer);
  }
}

/** Without a severity it is no word of the server; the classes are of a server that ends sessions (57P) or a lost one (08). */
function isLost(error: unknown): boolean {
  const { severity, code = '' } = (error ?? {}) as { readonly severity?: string; readonly code?: string };
  return !(error instanceof AishaError) && (severity === undefined || /^(?:57P|08)/.test(code));
}

function unanswered(error: unknown): AishaError {
  if (error instanceof AishaError) return error;
  return new AishaError('connection', `the table of tenants cannot be read: ${messageOf(error)}`, { cause: error });
}
