import { randomBytes } from 'node:crypto';
import { AishaError } from '../../errors.ts';
import { quoteIdentifier } from '../../postgres/quote.ts';
import { startScratchServer } from '../../postgres/scratch-server.ts';
import { findServerBinaries, type ServerBinaries } from '../../postgres/server-binaries.ts';
import { chooseServerUser } from '../../postgres/server-user.ts';
import { openClient, openStageDatabase, type StageAddress, type StageDatabase, stageUrl } from './database.ts';
import { createStageRoles } from './roles.ts';

/** A private server on which defects are planted that no other server should have. */
export interface Stage {
  /** `15.18` */
  readonly version: string;
  /** Lends a database of its own, which is gone afterwards. */
  withDatabase<T>(use: (db: StageDatabase) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** What checks look at: counted statements, and a prepared transaction. */
const SETTINGS = {
  max_prepared_transactions: '2',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
} as const;

/**
 * Starts it, of the wanted major version if this machine has that or a newer one.
 * @throws AishaError (tool) when there are no server programs, or the server does not start
 */
export async function openStage(major: number): Promise<Stage> {
  const server = await startScratchServer({ binaries: binariesFor(major), settings: SETTINGS });
  const { host, port, user: superuser, password: superPassword, version } = server;
  const maintenance = await openClient(server.url('postgres'));
  try {
    const { rows } = await maintenance.query<{ n: number }>(
      "select current_setting('server_version_num')::integer as n",
    );
    const password = randomBytes(12).toString('hex');
    const address: StageAddress = { host, port, superuser, superPassword, password, versionNumber: rows[0]!.n };
    await createStageRoles(maintenance, address);
    return {
      version,
      withDatabase: (use) => lend(address, use),
      stop: async () => {
        await maintenance.end();
        await server.stop();
      },
    };
  } catch (error) {
    await maintenance.end();
    await server.stop();
    throw error;
  }
}

function binariesFor(major: number): ServerBinaries {
  const options = { user: chooseServerUser(), searchPath: process.env['PATH'] };
  try {
    return findServerBinaries({ ...options, atLeast: major });
  } catch (error) {
    if (error instanceof AishaError) return findServerBinaries(options);
    throw error;
  }
}

async function lend<T>(address: StageAddress, use: (db: StageDatabase) => Promise<T>): Promise<T> {
  const name = `stage_${randomBytes(4).toString('hex')}`;
  const { superuser, superPassword } = address;
  // A session of its own: one that stays would be an idle one for the checks.
  const run = async (sql: string) => {
    const client = await openClient(stageUrl(address, superuser, superPassword, 'postgres'));
    await client.query(sql);
    await client.end();
  };
  await run(`create database ${quoteIdentifier(name)} owner app_owner`);
  const { db, close } = openStageDatabase(address, name);
  try {
    return await use(db);
  } finally {
    await close();
    await run(`drop database ${quoteIdentifier(name)} with (force)`);
  }
}
