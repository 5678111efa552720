import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { Progress } from '../report/progress.ts';
import { CopyScript } from './copy-script.ts';
import { CopyProgress, rowProgress } from './progress.ts';

/** Where rows go to. */
interface RowsTarget {
  readonly session: Session;
  /** Quoted name of the table. */
  readonly name: string;
  /** Rows that are to come, for the progress. */
  readonly expected: number;
  /** Called with the columns of the rows, before the first one is sent. */
  readonly prepare: (columns: readonly string[]) => Promise<void>;
  readonly progress: (progress: Progress) => void;
}

const TELL_MS = 500;

/**
 * Sends the rows of a script of pg_restore into a table, as they come: memory does not grow with them.
 * @returns how many the server took; 0 when the script has none
 */
export async function loadRows(stdout: Readable, target: RowsTarget): Promise<number> {
  const script = new CopyScript(stdout);
  const columns = await script.columns();
  if (columns === undefined) return 0;
  await target.prepare(columns);
  const { session, name, expected } = target;
  const stream = session.client.query(copyFrom(`copy ${name} (${columns.map(quoteIdentifier).join(', ')}) from stdin`));
  const copy = new CopyProgress([{ name, rows: expected }]);
  copy.begin(name);
  let rows = 0;
  const tell = setInterval(() => {
    target.progress(rowProgress('loading', copy.sample([{ name, rows }], performance.now())));
  }, TELL_MS);
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      // A line break in a value is written with a backslash: each of these ends a row.
      for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) rows += 1;
      yield chunk;
    }
  };
  try {
    await pipeline(script.rows(), counted, stream);
  } finally {
    clearInterval(tell);
  }
  return stream.rowCount ?? 0;
}

/** Takes back what default privileges have granted to others than the owner, on a table and its sequences. */
export async function takeBackDefaults(session: Session, names: readonly string[]): Promise<void> {
  const granted = await session.query<{ sql: string }>(
    `select distinct pg_catalog.format('revoke all on %s %I.%I from %s cascade',
       case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname,
       case g.grantee when 0 then 'public' else g.grantee::regrole::text end) as sql
     from unnest($1::text[]) u(name)
     join pg_catalog.pg_class c on c.oid = u.name::regclass
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) g
     where g.grantee <> c.relowner`,
    [names],
  );
  for (const { sql } of granted) await session.query(sql);
}
