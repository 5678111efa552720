import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type pg from 'pg';

const ROOT = resolve(import.meta.dirname, '../..');

/** The folder of the migrations that are shipped. */
export const SQL_DIR = join(ROOT, 'sql');

/** The migrations that are shipped, in the order in which they run. */
export const FILES: readonly string[] = readdirSync(SQL_DIR)
  .filter((name) => /^\d{3}_.*\.sql$/.test(name))
  .sort();

const ROLLBACKS = new Set(readdirSync(join(ROOT, 'rollbacks')));

export const hasRollback = (file: string) => ROLLBACKS.has(`ROLLBACK_${file}`);

/** Runs a migration as `psql -1` would: its statements in one transaction. */
export function apply(client: pg.Client, file: string): Promise<void> {
  return inTransaction(client, join(SQL_DIR, file));
}

/** Applies the migrations whose number lies between two numbers, both included. */
export async function applyRange(client: pg.Client, from: number, to: number): Promise<void> {
  for (const file of FILES) if (from <= numberOf(file) && numberOf(file) <= to) await apply(client, file);
}

export function rollBack(client: pg.Client, file: string): Promise<void> {
  return inTransaction(client, join(ROOT, 'rollbacks', `ROLLBACK_${file}`));
}

/** The SQL of a file beside the tests. */
export function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
}

/** The SQL of a shipped file by its path in the repository. */
export function shipped(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function numberOf(file: string): number {
  return Number(file.slice(0, 3));
}

async function inTransaction(client: pg.Client, path: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query(readFileSync(path, 'utf8'));
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
