import pg from 'pg';

/** Asks a server who it is; proves that it takes connections with that password. */
export async function askVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    // Debian adds its own version after a blank.
    return rows[0]?.version.split(' ')[0] ?? '';
  } finally {
    await client.end();
  }
}

/** URL with the socket's folder as a percent-encoded host, which libpq and node-postgres both understand. */
export function serverUrl(host: string, port: number, user: string, password: string, database: string): string {
  const [encodedHost, ...parts] = [host, user, password, database].map(encodeURIComponent);
  return `postgresql://${parts[0]}:${parts[1]}@${encodedHost}:${port}/${parts[2]}`;
}
