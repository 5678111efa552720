import { join } from 'node:path';
import type { Command as Commander } from 'commander';
import { dumpPath } from '../backup/create.ts';
import { restoreArguments } from '../backup/pg-restore.ts';
import { previewRestore, type RestoreOptions, restoreDatabase, targetOf } from '../backup/restore.ts';
import { plannedResult, restoredResult } from '../backup/restore-report.ts';
import { findBackup, readStore, type StoredBackup, whileInUse } from '../backup/store.ts';
import { backupWorld, readJobs, storeFolder } from '../cli/backup.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

type Options = Readonly<Record<string, unknown>>;

export const command: Command = {
  summary: 'restore a backup into a new database',
  description:
    'A backup is restored into a new or empty database, never over what is there: its files are proved first, missing roles are made, the first error is the end, and the result is compared with what was backed up. See docs/restore.md.',
  examples: ['aisha-db restore latest --into crm_copy', 'aisha-db restore latest --into crm_copy --plan'],
  database: true,
  failures: ['lock', 'backup'],
  configure(command: Commander) {
    command
      .argument('<backup>', 'identifier or its beginning, or latest')
      .option('--into <database>', 'restore into this new or empty database of the server')
      .option('--store <folder>', 'folder of the backups')
      .option('--jobs <number>', 'connections of pg_restore')
      .option('--skip-missing-extensions', 'leave out extensions that the server does not have')
      .option('--plan', 'show what would be done and what stands against it; write nothing');
  },
  async run(context, [name = ''], options) {
    const store = storeFolder(context);
    const backup = findBackup(readStore(store), name);
    return whileInUse(store, backup, () => restore(context, backup, options));
  },
};

async function restore(context: Context, backup: StoredBackup, options: Options): Promise<CommandResult> {
  const into = options['into'];
  if (typeof into === 'string') return restoreInto(context, backup, checkedName(into), options);
  throw new AishaError('usage', 'nothing says where to restore to', {
    hint: 'Name a new database with --into.',
  });
}

async function restoreInto(
  context: Context,
  backup: StoredBackup,
  database: string,
  options: Options,
): Promise<CommandResult> {
  const configured = await context.target();
  const target = targetOf(configured, database);
  const world = backupWorld(context, configured);
  const restoreOptions = readOptions(configured, options);
  if (options['plan'] !== true) {
    return restoredResult(backup.manifest, await restoreDatabase(backup, target, world, restoreOptions));
  }
  const { plan, facts, tools } = await previewRestore(backup, target, world, restoreOptions);
  const where = { list: 'LIST', database, dump: join(backup.path, dumpPath(backup.manifest)) };
  return plannedResult(backup.manifest, {
    plan,
    serverVersion: facts.serverVersion,
    command: [join(tools.binDir, 'pg_restore'), ...restoreArguments([`--jobs=${plan.jobs}`], where)],
    measuredMs: backup.verification?.restoreMs ?? undefined,
    steps: ['rows, policies, grants and all the rest are compared with what was backed up'],
  });
}

function readOptions(configured: Target, options: Options): RestoreOptions {
  return {
    jobs: readJobs(options['jobs']),
    skipMissingExtensions: options['skipMissingExtensions'] === true,
    // The one that is configured lets us in, if anything does.
    maintenanceDatabases: [configured.database],
  };
}

/** PostgreSQL would cut a longer name off without a word (NAMEDATALEN). */
function checkedName(name: string): string {
  if (name !== '' && Buffer.byteLength(name) <= 63) return name;
  throw new AishaError('usage', `"${name}" cannot be the name of a database`, { hint: 'It has 1 to 63 bytes.' });
}
