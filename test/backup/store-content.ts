import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, parseManifest } from '../../src/backup/manifest.ts';
import type { Project } from '../commands/project.ts';
import type { TestDatabase } from '../support/database.ts';

/** Names of the backups in a project's store, whole ones only; throws when anything unfinished lies there. */
export function storeOf(project: Project): string[] {
  const store = join(project.dir, '.aisha-db/backups');
  if (!existsSync(store)) return [];
  const unfinished = existsSync(join(store, '.in-progress')) ? readdirSync(join(store, '.in-progress')) : [];
  if (unfinished.length > 0) throw new Error(`left in the store: ${unfinished.join(', ')}`);
  return readdirSync(store).filter((name) => !name.startsWith('.'));
}

/** The manifest of the newest backup. */
export function manifestOf(project: Project): Manifest {
  const newest = storeOf(project).sort().at(-1)!;
  const file = join(project.dir, '.aisha-db/backups', newest, 'manifest.json');
  return parseManifest(readFileSync(file, 'utf8'), file);
}

/** Sessions in the database that are ours, and locks that they hold. */
export async function sessionsOf(db: TestDatabase): Promise<number> {
  const [row] = await db.superQuery<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name like 'aisha-db backup%'`,
  );
  return row!.count;
}
