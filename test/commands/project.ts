import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestDatabase } from '../support/database.ts';
import { type Files, makeFolder, writeFiles } from '../support/folder.ts';
import { type RunOptions, type RunResult, type StartedCli, startCli } from '../support/run.ts';
import { runHere } from '../support/run-here.ts';

/** A user's folder with SQL files in `sql/`, and the program run in it. */
export interface Project {
  readonly dir: string;
  write(files: Files): Promise<void>;
  remove(path: string): Promise<void>;
  run(...args: string[]): Promise<RunResult>;
  start(...args: string[]): StartedCli;
  /** Runs with `--format json` and returns the report. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects to find
  report(...args: string[]): Promise<any>;
}

/** Makes a project; without a database (or other variables) the environment names none. */
export async function makeProject(
  files: Files,
  from: Pick<RunOptions, 'env' | 'timeoutMs' | 'backUp' | 'ownProcess'> = {},
): Promise<Project> {
  const dir = await makeFolder({ 'sql/': '', ...files });
  const options = { ...from, cwd: dir, env: from.env ?? {} };
  return {
    dir,
    write: (more) => writeFiles(dir, more),
    remove: (path) => rm(join(dir, path), { recursive: true }),
    run: (...args) => runHere(args, options),
    start: (...args) => startCli(args, options),
    report: async (...args) => (await runHere([...args, '--format', 'json'], options)).json(),
  };
}

/** `{ '001_a.sql': 'applied', … }` of a report of migrate or status. */
export function statesOf(report: {
  data: { migrations: { file: string; state: string }[] };
}): Readonly<Record<string, string>> {
  return Object.fromEntries(report.data.migrations.map(({ file, state }) => [file, state]));
}

/** The ledger in the order in which its rows were written. */
export async function ledgerOf(db: TestDatabase): Promise<{ file: string; state: string }[]> {
  return db.superQuery('select file, state from aisha_db.migrations order by sequence');
}

/** Schemas and tables that a user made: what must not have changed. */
export async function objectsOf(db: TestDatabase): Promise<string[]> {
  const rows = await db.superQuery<{ name: string }>(`
    select n.nspname || coalesce('.' || c.relname, '') as name
    from pg_namespace n left join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'i', 'v')
    where n.nspname !~ '^(pg_|information_schema)' order by 1
  `);
  return rows.map((row) => row.name);
}

/** Advisory locks that are held in the database of a test. */
export async function advisoryLocks(db: TestDatabase): Promise<number> {
  const [row] = await db.superQuery<{ count: number }>(`
    select count(*)::int as count from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and d.datname = current_database()
  `);
  return row?.count ?? -1;
}

/** A git repository whose author is known, in a folder. */
export function initGit(dir: string, name: string, email: string): void {
  for (const args of [
    ['init', '--quiet'],
    ['config', 'user.name', name],
    ['config', 'user.email', email],
  ])
    execFileSync('git', args, { cwd: dir });
}
