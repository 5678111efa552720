import { resolve } from 'node:path';
import type { Command as Commander } from 'commander';
import { type BackupWorld, createBackup, previewBackup } from '../backup/create.ts';
import { clearReaders } from '../backup/leftovers.ts';
import type { BackupRequest } from '../backup/plan.ts';
import { createdResult, damagedFindings, listResult, planResult, pruneResult } from '../backup/report.ts';
import { planPrune } from '../backup/retention.ts';
import { checkProofKey } from '../backup/sealed-files.ts';
import { BACKUP_CLASSES, type BackupClass, type KeepDays } from '../backup/settings.ts';
import { statusOf, statusResult } from '../backup/status.ts';
import {
  backupsInUse,
  databaseKey,
  findBackup,
  readStore,
  removeBackup,
  type StoredBackup,
  setPinned,
} from '../backup/store.ts';
import { backupWorld, localBackupWorld, readJobs, reported, storeFolder, withKeys } from '../cli/backup.ts';
import type { RemoteOptions } from '../cli/remote-backups.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { quantity } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

type Options = Readonly<Record<string, unknown>>;
type Action = (context: Context, ids: readonly string[], options: Options) => Promise<CommandResult>;

const ACTIONS: Readonly<Record<string, Action>> = {
  create,
  list,
  status,
  verify,
  export: exportBackup,
  prune,
  pin,
  unpin,
  push,
  fetch,
};

export const command: Command = {
  summary: 'take, list, watch, prove and prune backups',
  description:
    'create (the default) checks everything first, dumps at one snapshot with the pg_dump that fits the server, and counts and sums up every table at the same snapshot. verify reads every byte again; with --restore it restores into a scratch server and compares rows, policies, grants and all the rest: only then is a backup verified. export writes one as plain SQL. status says in a line how old the last verified backups are, and ends with 1 when one is late, failed or not proved: for cron and monitoring. prune shows what retention would delete, and deletes it with --yes. See docs/backup.md.',
  examples: [
    'aisha-db backup',
    'aisha-db backup create --class daily --restore',
    'aisha-db backup create --table public.users --table public.employees',
    'aisha-db backup create --plan',
    'aisha-db backup list',
    'aisha-db backup status --format nagios',
    'aisha-db backup verify latest --restore',
    'aisha-db backup export latest --to crm.sql',
    'aisha-db backup prune --yes',
    'aisha-db backup push latest',
    'aisha-db backup fetch latest',
  ],
  database: true,
  failures: ['lock', 'backup'],
  configure(command: Commander) {
    command
      .argument('[action]', Object.keys(ACTIONS).join(', '), 'create')
      .argument(
        '[backups...]',
        'identifiers or their beginnings, or latest: for verify, export, pin, unpin, push, fetch',
      )
      .option('--store <folder>', 'folder of the backups')
      .option('--class <name>', BACKUP_CLASSES.join(', '), 'on-demand')
      .option('--table <name>', 'only the rows of this table, with the whole schema; repeatable', collect)
      .option('--schema-only', 'create, export: no rows')
      .option('--exclude-schema <name>', 'leave a schema out; repeatable', collect)
      .option('--jobs <number>', 'connections of the dump')
      .option('--dump-format <name>', 'directory or custom (one file); by size when absent')
      .option('--plan', 'create: show what would be done and what stands against it; write nothing')
      .option('--restore', 'create, verify: prove it by a restore into a scratch server')
      .option('--no-restore', 'create: do not, whatever the class')
      .option(
        '--to <place>',
        'create, push: s3://bucket/folder for a copy; export: the file of SQL, which must not be there',
      )
      .option('--remote [url]', 'list, verify, fetch: what lies in external storage; default: the configured one')
      .option('--encrypt', 'create: encrypt the backup with age, for backup.recipients')
      .option('--no-encrypt', 'create, push: leave the backup, or store the copy, readable')
      .option('--identity <file>', 'verify, export, fetch: identity of age that opens what is encrypted');
  },
  async run(context, [action = 'create', ...ids], options) {
    const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (run !== undefined) {
      for (const line of clearReaders(storeFolder(context))) context.talk.warn(line);
      return run(context, ids, options);
    }
    const meant = didYouMean(action, Object.keys(ACTIONS));
    throw new AishaError('usage', `backup has no action "${action}"`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}Known are ${Object.keys(ACTIONS).join(', ')}.`,
    });
  },
};

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function create(context: Context, ids: readonly string[], options: Options): Promise<CommandResult> {
  if (ids.length > 0) throw new AishaError('usage', `unexpected argument "${ids[0]}"`, { hint: 'create takes none.' });
  const request = readRequest(context, options);
  const target = await context.target();
  const world = withKeys(backupWorld(context, target), context, options);
  const { proveAtOnce } = context.config.backup;
  const isProved = options['restore'] === undefined ? proveAtOnce.includes(request.class) : options['restore'] === true;
  if (isProved) await checkProofKey(world.settings);
  if (options['plan'] === true) return planResult(await previewBackup(request, target, world), isProved);
  const remote = options['to'] === undefined ? undefined : await remoteBackups();
  // Not after an hour of dumping.
  remote?.checkPush(context, remoteOptions(options));
  const backup = await createBackup(request, target, world);
  const created = isProved ? await prove(backup, world, context) : createdResult(reported(backup), keepDaysOf(context));
  if (remote === undefined || created.error !== undefined) return created;
  const pushed = await remote.push(context, [backup], remoteOptions(options));
  return { ...created, text: `${created.text}; ${pushed.text}`, data: { ...created.data, ...pushed.data } };
}

/** Restores a backup that has just been taken, and compares. */
async function prove(backup: StoredBackup, world: BackupWorld, context: Context): Promise<CommandResult> {
  const { verifyBackups } = await import('../backup/verify-all.ts');
  const { backups, verifications, tables, error } = await verifyBackups([backup], true, world);
  const result = createdResult(reported(backups[0] ?? backup), keepDaysOf(context));
  return {
    ...result,
    tables: [...(result.tables ?? []), ...tables],
    data: { ...result.data, verifications },
    ...(error === undefined ? {} : { error }),
  };
}

function keepDaysOf({ config }: Context): KeepDays {
  return config.backup.keepDays;
}

async function list(context: Context, _ids: readonly string[], options: Options): Promise<CommandResult> {
  if (options['remote'] !== undefined) return (await remoteBackups()).listRemote(context, remoteOptions(options));
  const content = readStore(storeFolder(context));
  return listResult(content.backups.map(reported), content, context.config.backup.keepDays);
}

/** Of every database of the store; with --env of that one. */
async function status(context: Context): Promise<CommandResult> {
  const { backups, damaged, failures } = readStore(storeFolder(context));
  const { backup: settings, environment } = context.config;
  const target = environment === undefined ? undefined : await context.target();
  const isMeant = ({ manifest: { server, database } }: StoredBackup): boolean =>
    target === undefined ||
    (server.host === target.host && server.port === target.port && database.name === target.database);
  const meant = backups.filter(isMeant);
  const keys = new Set(meant.map(({ manifest }) => databaseKey(manifest)));
  const failed = target === undefined ? failures : failures.filter(({ database }) => keys.has(database));
  const result = statusResult(statusOf(meant.map(reported), failed, databaseKey, settings, Date.now()), settings);
  return { ...result, findings: [...(result.findings ?? []), ...damagedFindings(damaged)] };
}

/** Without names every backup is read again; a restore takes long, so it is of the newest only. */
async function verify(context: Context, ids: readonly string[], options: Options): Promise<CommandResult> {
  if (options['remote'] !== undefined) {
    return (await remoteBackups()).verifyRemote(context, ids, remoteOptions(options));
  }
  const byRestore = options['restore'] === true;
  const world = withKeys(localBackupWorld(context), context, options);
  const content = readStore(world.store);
  const names = ids.length > 0 ? ids : byRestore ? ['latest'] : content.backups.map(({ manifest }) => manifest.id);
  const { verifyBackups } = await import('../backup/verify-all.ts');
  const checked = await verifyBackups(
    names.map((name) => findBackup(content, name)),
    byRestore,
    world,
  );
  const problems = ids.length > 0 ? { damaged: [], failures: [] } : { damaged: content.damaged, failures: [] };
  const result = listResult(checked.backups.map(reported), problems, context.config.backup.keepDays);
  return {
    ...result,
    text: checked.text,
    tables: [...(result.tables ?? []), ...checked.tables],
    data: { ...result.data, verifications: checked.verifications },
    ...(checked.error === undefined ? {} : { error: checked.error }),
  };
}

/** Plain SQL is a way out, never the stored format: it cannot be restored in parallel, in parts, or checked. */
async function exportBackup(context: Context, ids: readonly string[], options: Options): Promise<CommandResult> {
  const [name, ...others] = ids;
  if (name === undefined || others.length > 0) {
    throw new AishaError('usage', 'export takes one backup', { hint: 'aisha-db backup list shows them.' });
  }
  const to = options['to'];
  if (typeof to !== 'string') {
    throw new AishaError('usage', 'export needs --to FILE', { hint: 'Name the file of SQL to write.' });
  }
  const world = withKeys(localBackupWorld(context), context, options);
  const backup = findBackup(readStore(world.store), name);
  const { exportPlain } = await import('../backup/export-plain.ts');
  const { file, bytes } = await exportPlain(backup, resolve(context.cwd, to), options['schemaOnly'] === true, world);
  return {
    text: `wrote ${file}, ${quantity(bytes, 'bytes')}: psql --single-transaction --set=ON_ERROR_STOP=1 --file=FILE DATABASE restores it into an empty database`,
    data: { export: { backup: backup.manifest.id, file, bytes } },
  };
}

async function prune(context: Context, _ids: readonly string[], options: Options): Promise<CommandResult> {
  const store = storeFolder(context);
  const { backups, failures } = readStore(store);
  const busy = backupsInUse(store);
  const decisions = planPrune(
    backups.map(({ manifest, state, pinned }) => ({
      id: manifest.id,
      database: databaseKey(manifest),
      class: manifest.class,
      state,
      createdAt: Date.parse(manifest.createdAt),
      pinned,
      inUse: busy.has(manifest.id),
    })),
    new Set(failures.map(({ database }) => database)),
    context.config.backup.keepDays,
    Date.now(),
  );
  const { url } = context.config.backup.remote;
  if (url !== undefined) context.talk.info(`copies in ${url} are not looked at and stay`);
  const isMeant = options['yes'] === true;
  if (isMeant) {
    const doomed = new Set(decisions.flatMap((decision) => (decision.delete ? [decision.id] : [])));
    for (const backup of backups) if (doomed.has(backup.manifest.id)) removeBackup(store, backup);
  }
  return pruneResult(decisions, isMeant);
}

async function push(context: Context, ids: readonly string[], options: Options): Promise<CommandResult> {
  const content = readStore(storeFolder(context));
  const backups = (ids.length > 0 ? ids : ['latest']).map((id) => findBackup(content, id));
  return (await remoteBackups()).push(context, backups, remoteOptions(options));
}

async function fetch(context: Context, ids: readonly string[], options: Options): Promise<CommandResult> {
  return (await remoteBackups()).fetch(context, ids.length > 0 ? ids : ['latest'], remoteOptions(options));
}

/** Few runs need it. */
function remoteBackups(): Promise<typeof import('../cli/remote-backups.ts')> {
  return import('../cli/remote-backups.ts');
}

function remoteOptions(options: Options): RemoteOptions {
  return {
    url: options['to'] ?? options['remote'],
    encrypt: options['encrypt'] !== false,
    identityFile: options['identity'],
  };
}

async function pin(context: Context, ids: readonly string[]): Promise<CommandResult> {
  return changePin(context, ids, true);
}

async function unpin(context: Context, ids: readonly string[]): Promise<CommandResult> {
  return changePin(context, ids, false);
}

function changePin(context: Context, ids: readonly string[], pinned: boolean): CommandResult {
  const content = readStore(storeFolder(context));
  const backups = ids.map((id) => findBackup(content, id));
  for (const backup of backups) setPinned(backup, pinned);
  const changed = backups.map((backup) => reported({ ...backup, pinned }));
  return listResult(changed, { damaged: [], failures: [] }, context.config.backup.keepDays);
}

function readRequest({ config }: Context, options: Options): BackupRequest {
  const tables = textsOf(options['table']);
  const isSchemaOnly = options['schemaOnly'] === true;
  if (isSchemaOnly && tables.length > 0) {
    throw new AishaError('usage', '--schema-only and --table contradict each other', {
      hint: 'A backup of tables holds the whole schema and the rows of the tables.',
    });
  }
  return {
    class: oneOf(options['class'], BACKUP_CLASSES, '--class') as BackupClass,
    kind: isSchemaOnly ? 'schema' : tables.length > 0 ? 'tables' : 'full',
    tables,
    excludeSchemas: [...new Set([...config.backup.excludeSchemas, ...textsOf(options['excludeSchema'])])],
    jobs: readJobs(options['jobs']) ?? config.backup.jobs,
    format:
      options['dumpFormat'] === undefined
        ? undefined
        : oneOf(options['dumpFormat'], ['directory', 'custom'] as const, '--dump-format'),
  };
}

/** The values of an option that may be repeated. */
function textsOf(option: unknown): readonly string[] {
  return Array.isArray(option) ? option : [];
}

function oneOf<const T extends string>(value: unknown, known: readonly T[], option: string): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new AishaError('usage', `${option} "${String(value)}" is not known`, {
    hint: `Choose one of ${known.join(', ')}.`,
  });
}
