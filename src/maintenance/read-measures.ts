import { quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { TableFacts } from './facts.ts';
import type { Counters, Measures, QueryMeasure } from './measures.ts';

/** Tables whose size is kept: the largest. */
const KEPT_TABLES = 50;
/** Statements that are kept: those that take the most time. */
const KEPT_QUERIES = 100;

/** Reads sizes and counters; takes no lock. `statements` is the schema of pg_stat_statements, where it is installed. */
export async function readMeasures(
  session: Session,
  tables: readonly TableFacts[],
  statements: string | undefined,
): Promise<Measures> {
  const largest = tables
    .filter(({ isRoot }) => !isRoot)
    .map(({ label, bytes, indexBytes }) => ({ label, bytes: bytes + indexBytes }))
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, KEPT_TABLES);
  const [size] = await session.query<{ bytes: number }>(
    'select pg_catalog.pg_database_size(pg_catalog.current_database())::float8 as bytes',
  );
  return {
    databaseBytes: size!.bytes,
    tables: Object.fromEntries(largest.map(({ label, bytes }) => [label, bytes])),
    counters: await readCounters(session),
    queries: statements === undefined ? undefined : await readQueries(session, statements),
  };
}

async function readCounters(session: Session): Promise<Counters> {
  const [row] = await session.query<Counters>(
    `select d.deadlocks::float8, d.xact_rollback::float8 as rollbacks, d.xact_commit::float8 as commits,
       d.conflicts::float8, coalesce(d.checksum_failures, 0)::float8 as "checksumFailures",
       a.failed_count::float8 as "archiveFailures", d.temp_bytes::float8 as "tempBytes",
       round(100.0 * d.blks_hit / greatest(d.blks_hit + d.blks_read, 1), 2)::float8 as "cacheHit"
     from pg_catalog.pg_stat_database d cross join pg_catalog.pg_stat_archiver a
     where d.datname = pg_catalog.current_database()`,
  );
  return row!;
}

/** Without their texts, which may hold what nobody should keep. */
async function readQueries(
  session: Session,
  schema: string,
): Promise<Readonly<Record<string, QueryMeasure>> | undefined> {
  try {
    const rows = await session.query<QueryMeasure & { readonly id: string }>(
      `select queryid::text as id, sum(calls)::float8 as calls, sum(total_exec_time)::float8 as "totalMs"
       from ${quoteQualified(schema, 'pg_stat_statements')}(false)
       where queryid is not null and dbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
       group by queryid order by 3 desc limit ${KEPT_QUERIES}`,
    );
    return Object.fromEntries(rows.map(({ id, calls, totalMs }) => [id, { calls, totalMs }]));
  } catch (error) {
    // Installed and not loaded, or not for this role: the check statement-statistics says so.
    if (serverError(error) === undefined) throw error;
    return undefined;
  }
}
