import { join } from 'node:path';
import type { Command as Commander } from 'commander';
import { type BackupWorld, dumpPath } from '../backup/create.ts';
import { clearReaders } from '../backup/leftovers.ts';
import type { MergeMode } from '../backup/merge-plan.ts';
import { restoreArguments } from '../backup/pg-restore.ts';
import {
  previewRestore,
  type RestoreOptions,
  type RestorePreview,
  restoreDatabase,
  targetOf,
} from '../backup/restore.ts';
import { plannedResult, replacedResult, restoredResult, swappedResult } from '../backup/restore-report.ts';
import { findBackup, readStore, type StoredBackup, whileInUse } from '../backup/store.ts';
import { mergeResult, plannedTableResult, restoredTableResult } from '../backup/table-report.ts';
import { backupWorld, readJobs, storeFolder, withKeys } from '../cli/backup.ts';
import { askToEnd } from '../cli/end-sessions.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { counted } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

type Options = Readonly<Record<string, unknown>>;

export const command: Command = {
  summary: 'restore a backup into a new database',
  description:
    'A backup is restored into a new or empty database, never over what is there (--into); with --swap the copy then takes the place of the configured database, which is kept under another name. With --table one table comes back: whole where it is gone, else its rows are loaded beside it, compared by their key, and merged when --merge says so. Always its files are proved first, missing roles are made, the first error is the end, and the result is compared with what was backed up. See docs/restore.md.',
  examples: [
    'aisha-db restore latest --into crm_copy',
    'aisha-db restore latest --into crm_copy --plan',
    'aisha-db restore latest --swap',
    'aisha-db restore latest --table public.invoice',
    'aisha-db restore latest --table public.invoice --plan',
    'aisha-db restore latest --table public.invoice --merge missing',
  ],
  database: true,
  failures: ['lock', 'backup'],
  configure(command: Commander) {
    command
      .argument('<backup>', 'identifier or its beginning, or latest')
      .option('--into <database>', 'restore into this new or empty database of the server')
      .option('--swap', 'restore beside the configured database, then take its place; the old one is kept, renamed')
      .option(
        '--in-place',
        'as --swap, with a proved backup of the old database in place of keeping it; needs --confirm',
      )
      .option(
        '--single-transaction',
        'with --in-place: in one transaction, without a second database; so by itself where none may be made',
      )
      .option('--end-sessions', 'with --swap, --in-place: end the sessions of the database without asking')
      .option('--table <name>', 'one table: restored whole where it is gone, else compared, and merged with --merge')
      .option('--merge <mode>', 'with --table: missing (rows that are gone) or changed (also rows with other values)')
      .option('--keep', 'with --merge: keep the rows of the backup in their side schema')
      .option('--discard', 'with --table: remove the rows that an earlier run has loaded')
      .option('--lock-timeout <duration>', 'with --merge, --single-transaction: how long to wait for a table')
      .option('--identity <file>', 'identity of age that opens an encrypted backup')
      .option('--store <folder>', 'folder of the backups')
      .option('--jobs <number>', 'connections of pg_restore')
      .option('--skip-missing-extensions', 'leave out extensions that the server does not have')
      .option('--plan', 'show what would be done and what stands against it; write nothing');
  },
  async run(context, [name = ''], options) {
    const store = storeFolder(context);
    for (const line of clearReaders(store)) context.talk.warn(line);
    const backup = findBackup(readStore(store), name);
    return whileInUse(store, backup, () => restore(context, backup, options));
  },
};

async function restore(context: Context, backup: StoredBackup, options: Options): Promise<CommandResult> {
  refuseContradictions(options);
  const into = options['into'];
  if (typeof into === 'string') return restoreInto(context, backup, checkedName(into), options);
  if (options['swap'] === true || options['inPlace'] === true) return swap(context, backup, options);
  if (typeof options['table'] === 'string') return restoreOneTable(context, backup, options['table'], options);
  throw new AishaError('usage', 'nothing says where to restore to', {
    hint: 'Name a new database with --into, let the backup take the place of the configured one with --swap, or bring one table back with --table.',
  });
}

function refuseContradictions(options: Options): void {
  const ways = { '--into': 'into', '--swap': 'swap', '--in-place': 'inPlace', '--table': 'table' };
  const chosen = Object.entries(ways).filter(([, option]) => options[option] !== undefined);
  const [first, second] = chosen.map(([name]) => name);
  if (second !== undefined) {
    throw new AishaError('usage', `${first} and ${second} contradict each other`, {
      hint: 'Keep the one that is meant.',
    });
  }
  if (options['plan'] === true && options['discard'] === true) {
    throw new AishaError('usage', '--plan and --discard contradict each other', {
      hint: '--discard only removes the rows that an earlier run has loaded.',
    });
  }
  if (options['singleTransaction'] === true && options['inPlace'] === undefined) {
    throw new AishaError('usage', '--single-transaction is for a restore in place', { hint: 'Add --in-place.' });
  }
  if (options['merge'] !== undefined && options['table'] === undefined) {
    throw new AishaError('usage', '--merge is for one table', { hint: 'Name it with --table.' });
  }
}

async function restoreInto(
  context: Context,
  backup: StoredBackup,
  database: string,
  options: Options,
): Promise<CommandResult> {
  const configured = await context.target();
  const target = targetOf(configured, database);
  const world = withKeys(backupWorld(context, configured), context, options);
  const restoreOptions = readOptions(configured, options);
  if (options['plan'] !== true) {
    return restoredResult(backup.manifest, await restoreDatabase(backup, target, world, restoreOptions));
  }
  return planned(backup, await previewRestore(backup, target, world, restoreOptions), [COMPARED]);
}

async function swap(context: Context, backup: StoredBackup, options: Options): Promise<CommandResult> {
  const { previewSwap, restoreAndSwap } = await import('../backup/swap.ts');
  const target = await context.target();
  const world = withKeys(backupWorld(context, target), context, options);
  const restoreOptions = readOptions(target, options);
  if (options['inPlace'] === true) {
    const { mayCreateDatabase } = await import('../backup/replace-content.ts');
    const isWithin = options['singleTransaction'] === true || !(await mayCreateDatabase(target, world));
    if (isWithin) return restoreInOneTransaction(context, backup, target, world, options);
  }
  if (options['plan'] !== true) {
    if (options['inPlace'] === true) demandName(target, options);
    await context.confirm(target);
    const mayEnd = (sessions: readonly string[]) =>
      askToEnd(context, target, sessions, options['endSessions'] === true);
    const swapOptions = { ...restoreOptions, mayEnd };
    if (options['inPlace'] !== true) {
      return swappedResult(backup.manifest, await restoreAndSwap(backup, target, world, swapOptions));
    }
    const { restoreInPlace } = await import('../backup/restore-in-place.ts');
    return swappedResult(backup.manifest, await restoreInPlace(backup, target, world, swapOptions));
  }
  const { names, sessions, warnings } = await previewSwap(backup, target, world);
  const preview = await previewRestore(backup, targetOf(target, names.beside), world, restoreOptions);
  return planned(backup, { ...preview, plan: { ...preview.plan, warnings: [...preview.plan.warnings, ...warnings] } }, [
    ...(options['inPlace'] === true ? [`${names.current} is backed up, and that backup proved, before all this`] : []),
    COMPARED,
    `the ${counted(sessions.length, 'session')} of ${names.current} are ended, if that is confirmed`,
    `${names.current} is renamed ${names.kept}, and ${names.beside} ${names.current}, in one transaction`,
    'owner, grants and settings of the database are taken over',
    ...(options['inPlace'] === true ? [`${names.kept} is dropped, if it is still equal to its backup`] : []),
  ]);
}

/** In place where no second database may be made, or where what is connected to this one cannot be ended. */
async function restoreInOneTransaction(
  context: Context,
  backup: StoredBackup,
  target: Target,
  world: BackupWorld,
  options: Options,
): Promise<CommandResult> {
  const { skipMissingExtensions } = readOptions(target, options);
  const replaceOptions = {
    skipMissingExtensions: skipMissingExtensions === true,
    lockTimeoutMs: context.config.lockTimeoutMs,
  };
  if (options['plan'] === true) {
    const { previewReplace } = await import('../backup/replace-content.ts');
    const preview = await previewReplace(backup, target, world, replaceOptions);
    return planned(
      backup,
      preview,
      [
        `${target.database} is backed up, and that backup proved, before all this; it is compared with it under the locks`,
        'what lies in schemas that the backup leaves out, and what belongs to extensions, stays',
        `${COMPARED}, before the commit`,
      ],
      true,
    );
  }
  demandName(target, options);
  await context.confirm(target);
  const { restoreWithin } = await import('../backup/restore-in-place.ts');
  const { restored, safety } = await restoreWithin(backup, target, world, replaceOptions);
  return replacedResult(backup.manifest, restored, safety);
}

async function restoreOneTable(
  context: Context,
  backup: StoredBackup,
  table: string,
  options: Options,
): Promise<CommandResult> {
  const { discardTable, restoreTable } = await import('../backup/restore-table.ts');
  const merge = readMode(options['merge']);
  const target = await context.target();
  const world = withKeys(backupWorld(context, target), context, options);
  if (options['discard'] === true) {
    const was = await discardTable(backup, table, target, world);
    return { text: was ? `the rows of ${table} that were loaded are gone` : `no rows of ${table} were loaded` };
  }
  if (options['plan'] === true) {
    const { previewTable } = await import('../backup/preview-table.ts');
    return plannedTableResult(backup.manifest, await previewTable(backup, table, target, world), merge);
  }
  const outcome = await restoreTable(backup, table, target, world, {
    merge,
    keepSide: options['keep'] === true,
    lockTimeoutMs: context.config.lockTimeoutMs,
    confirm: () => context.confirm(target),
  });
  return 'counts' in outcome ? mergeResult(backup.manifest, outcome) : restoredTableResult(backup.manifest, outcome);
}

function readMode(value: unknown): MergeMode | undefined {
  if (value === undefined || value === 'missing' || value === 'changed') return value;
  throw new AishaError('usage', `--merge "${String(value)}" is not known`, {
    hint: 'missing puts back the rows that are gone; changed gives changed rows their old values as well.',
  });
}

/** `--yes` lies in scripts that were written for another database. */
function demandName({ database, environment }: Target, options: Options): void {
  if (options['confirm'] !== undefined) return;
  const name = environment?.name ?? database;
  throw new AishaError('connection', `a restore in place of ${database} has to be confirmed by its name`, {
    hint: `If it is meant, add --confirm ${name}; --yes is not enough. --swap keeps what is there.`,
  });
}

const COMPARED = 'rows, policies, grants and all the rest are compared with what was backed up';

function planned(
  backup: StoredBackup,
  { plan, facts, tools }: RestorePreview,
  steps: readonly string[],
  replaces = false,
): CommandResult {
  const where = { list: 'LIST', database: plan.database, dump: join(backup.path, dumpPath(backup.manifest)) };
  return plannedResult(backup.manifest, {
    plan,
    serverVersion: facts.serverVersion,
    command: [
      join(tools.binDir, 'pg_restore'),
      // Its script is run by us, so that all of it is one transaction.
      ...(replaces
        ? ['--section=SECTION', `--use-list=${where.list}`, '--file=-', where.dump]
        : restoreArguments([`--jobs=${plan.jobs}`], where)),
    ],
    measuredMs: backup.verification?.restoreMs ?? undefined,
    steps,
    replaces,
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
