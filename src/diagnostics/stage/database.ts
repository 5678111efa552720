import pg from 'pg';

/** Where a superuser and an owner who is none can be had: a private server. */
export interface StageAddress {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly superPassword: string;
  /** Password of app_owner and app_reader. */
  readonly password: string;
  /** `server_version_num`: 150018 */
  readonly versionNumber: number;
}

/** A database in which anything may be done, owned by app_owner, who is no superuser. */
export interface StageDatabase {
  readonly name: string;
  /** As app_owner. */
  readonly url: string;
  readonly superUrl: string;
  /** `server_version_num`: 150018 */
  readonly versionNumber: number;
  /** Runs SQL as app_owner and returns the rows. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  superQuery<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  /** A session of app_owner unless a URL says otherwise, ended when the database is closed. */
  connect(url?: string): Promise<pg.Client>;
}

/** The database and what ends all of its sessions; each is opened with its first query. */
export function openStageDatabase(
  address: StageAddress,
  name: string,
): { readonly db: StageDatabase; close(): Promise<void> } {
  const { superuser, superPassword, password, versionNumber } = address;
  const url = stageUrl(address, 'app_owner', password, name);
  const superUrl = stageUrl(address, superuser, superPassword, name);
  const owner = onDemand(url);
  const superSession = onDemand(superUrl);
  const sessions: pg.Client[] = [];
  const db: StageDatabase = {
    name,
    url,
    superUrl,
    versionNumber,
    query: (sql, params) => owner.query(sql, params),
    superQuery: (sql, params) => superSession.query(sql, params),
    connect: async (otherUrl = url) => {
      const client = await openClient(otherUrl);
      sessions.push(client);
      return client;
    },
  };
  const close = async () => {
    await Promise.all([owner.end(), superSession.end(), ...sessions.map((client) => client.end())]);
  };
  return { db, close };
}

/** The URL of a database of this server, as one of its roles. */
export function stageUrl(
  { host, port }: Pick<StageAddress, 'host' | 'port'>,
  user: string,
  password: string,
  database: string,
): string {
  return `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${encodeURIComponent(host)}:${port}/${encodeURIComponent(database)}`;
}

interface Connection {
  // biome-ignore lint/suspicious/noExplicitAny: the row type is the caller's claim
  query(sql: string, params?: readonly unknown[]): Promise<any[]>;
  end(): Promise<void>;
}

function onDemand(url: string): Connection {
  let opening: Promise<pg.Client> | undefined;
  return {
    query: async (sql, params) => {
      opening ??= openClient(url);
      const result: pg.QueryResult | pg.QueryResult[] = await (await opening).query(
        sql,
        params as unknown[] | undefined,
      );
      // Several statements in one string give several results.
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    },
    end: async () => {
      if (opening !== undefined) await (await opening).end();
    },
  };
}

/** @throws what the driver throws when the server cannot be reached */
export async function openClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // What is staged may have the server end the session; that is for its next query to report.
  client.on('error', () => {});
  await client.connect();
  return client;
}
