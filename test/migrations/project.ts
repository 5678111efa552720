import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../support/database.ts';
import { type Files, makeFolder, writeFiles } from '../support/folder.ts';
import { type RunOptions, type RunResult, type StartedCli, startCli } from '../support/run.ts';
import { runHere } from '../support/run-here.ts';

/** A folder of SQL files, the program that applies them, and the database they are applied to. */
export interface Project {
  readonly dir: string;
  /** `aisha-db migrate --format json` with these arguments. */
  migrate(...args: string[]): Promise<RunResult>;
  /** The same; what it said is shown when it fails. */
  succeed(...args: string[]): Promise<RunResult>;
  /** The same, without waiting for its end. */
  start(...args: string[]): StartedCli;
  /** Any command, with the folder and `--format json`. */
  command(name: string, ...args: string[]): Promise<RunResult>;
  write(files: Files): Promise<void>;
  ledger(): Promise<LedgerRow[]>;
}

interface LedgerRow {
  readonly file: string;
  readonly state: string;
  readonly statements_done: number;
  readonly in_hand: { readonly unit: number } | null;
  readonly applied_by: string;
}

export async function makeProject(
  db: TestDatabase,
  files: Files = {},
  options: Partial<RunOptions> = {},
): Promise<Project> {
  const dir = await makeFolder(files);
  const run: RunOptions = { cwd: dir, env: db.env, ...options };
  const args = ['--dir', dir, '--format', 'json'];
  const migrate = (...more: string[]) => runHere(['migrate', ...args, ...more], run);
  return {
    dir,
    migrate,
    succeed: async (...more) => {
      const result = await migrate(...more);
      if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.stderr}`);
      return result;
    },
    start: (...more) => startCli(['migrate', ...args, ...more], run),
    command: (name, ...more) => runHere([name, ...args, ...more], run),
    write: (more) => writeFiles(dir, more),
    ledger: () =>
      db.query<LedgerRow>(
        'select file, state, statements_done, in_hand, applied_by from aisha_db.migrations order by sequence',
      ),
  };
}

/** `{ '001_a.sql': 'applied' }` */
export function states(result: RunResult): Record<string, string> {
  const entries: { file: string; state: string }[] = result.json().data.migrations;
  return Object.fromEntries(entries.map(({ file, state }) => [file, state]));
}

/** Names of the ordinary tables outside of the ledger's schema. */
export async function tables(db: TestDatabase): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not in ('aisha_db', 'pg_catalog', 'information_schema')
        and n.nspname not like 'pg_t%'
      order by 1`,
  );
  return rows.map((row) => row.name);
}

/** Names of indexes that were left invalid. */
export async function invalidIndexes(db: TestDatabase): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    'select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid order by 1',
  );
  return rows.map((row) => row.name);
}

/** Waits until the query returns a row. */
export async function until(db: TestDatabase, sql: string, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while ((await db.query(sql)).length === 0) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${sql}`);
    await sleep(10);
  }
}

/** Server processes of the program's working sessions in the test's database that run something. */
export const WORKING = `select pid, query from pg_stat_activity
  where datname = current_database() and application_name = 'aisha-db migrate' and state = 'active'`;
