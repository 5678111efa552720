import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AishaError } from '../errors.ts';
import { libpqEnvironment } from '../postgres/libpq-environment.ts';
import { backendPid } from '../postgres/pooler.ts';
import { withPassfile } from '../postgres/private-passfile.ts';
import { runTool, type ToolOutcome, type ToolRun } from '../postgres/run-tool.ts';
import { withScratchFolder } from '../postgres/scratch-folder.ts';
import type { Target } from '../postgres/target.ts';
import type { ClientTools } from '../postgres/tool-choice.ts';
import type { Difference } from './compare.ts';
import { type BackupWorld, dumpPath } from './create.ts';
import { RefusedEntries, type RefusedEntry } from './refused-entries.ts';
import { RestoreProgress } from './restore-progress.ts';
import { openReader } from './snapshot-session.ts';
import { batchesOf } from './statement-batches.ts';
import { contentFolder, type StoredBackup } from './store.ts';
import { Ear, watchProgress } from './watch-progress.ts';

export interface RestoreRun {
  /** The database to restore into; it is there. */
  readonly target: Target;
  readonly tools: ClientTools;
  /** Major version of the target's server. */
  readonly serverMajor: number;
  readonly applicationName: string;
  /** Options of pg_restore besides those that every restore has. */
  readonly args: readonly string[];
  /** Takes the table of contents and gives the part of it that is restored. */
  readonly select: (list: string) => string;
  /** What is told of the progress: `restoring`. */
  readonly label: string;
  /** Goes on behind what the server refuses, which is told here; default: the first error is the end. */
  readonly onRefused?: (entry: RefusedEntry) => void;
}

export type RestoreRunWorld = Pick<BackupWorld, 'settings' | 'env' | 'signal' | 'progress'>;

/** What stopped a restore. */
export interface RestoreFailure extends Difference {
  /** The server, the machine or somebody ended it, which says nothing about the dump. */
  readonly isFromOutside: boolean;
}

/** The arguments of a restore with that list of contents. */
export function restoreArguments(
  args: readonly string[],
  where: { readonly list: string; readonly database: string; readonly dump: string },
  goesOn = false,
): string[] {
  // A name with an equals sign would be taken for a connection string; in one, it has to be quoted.
  const name = where.database.replaceAll(/['\\]/g, '\\$&');
  const always = goesOn ? ['--verbose'] : ['--exit-on-error', '--verbose'];
  return [...always, ...args, `--use-list=${where.list}`, `--dbname=dbname='${name}'`, where.dump];
}

/**
 * Runs pg_restore, stopping at the first error, which is returned: nothing when all went well.
 * @throws AishaError (backup) when nothing has moved for too long
 */
export async function runRestore(
  backup: StoredBackup,
  run: RestoreRun,
  { settings, env, signal, progress }: RestoreRunWorld,
): Promise<RestoreFailure[]> {
  const { target, tools, applicationName } = run;
  const dump = join(contentFolder(backup), dumpPath(backup.manifest));
  const program = join(tools.binDir, 'pg_restore');
  return withPassfile(target, (passfile) =>
    withScratchFolder(async (folder) => {
      const environment = libpqEnvironment(target, { applicationName, passfile }, env);
      const args = ['--list', '--verbose', dump];
      const listed = await runTool({ program, args, env: environment, signal, keepOutput: true });
      if (listed.exitCode !== 0) return [failed('its table of contents cannot be read', listed)];
      const selected = run.select(listed.stdout);
      const list = join(folder, 'list');
      writeFileSync(list, selected, { mode: 0o600 });
      const parts = new RestoreProgress(backup.manifest.tables, selected);
      const ear = new Ear();
      const refused = new RefusedEntries(
        selected,
        backup.manifest.roles.map(({ name }) => name),
      );
      const isOlder = tools.major >= WRITES_TRANSACTION_TIMEOUT && run.serverMajor < WRITES_TRANSACTION_TIMEOUT;
      const goesOn = run.onRefused !== undefined;
      const stopped = new AbortController();
      const restored = await watched(run, parts, ear, settings.idleTimeoutMs, { signal, progress }, (stop) =>
        runTool({
          program,
          args: restoreArguments(run.args, { list, database: target.database, dump }, goesOn || isOlder),
          env: environment,
          signal: AbortSignal.any([stop, stopped.signal]),
          onLine: (line) => {
            ear.hear();
            parts.hear(line);
            if (isOlder && UNKNOWN_TIMEOUT.test(line)) return;
            refused.hear(line);
            // The first error is the end all the same.
            if (isOlder && !goesOn && line.startsWith('pg_restore: error: ')) stopped.abort();
          },
        }),
      );
      signal.throwIfAborted();
      if (restored.exitCode === 0) return [];
      const failure = failed('it cannot be restored', restored, stopped.signal.aborted);
      if (isOlder && restored.exitCode === 1 && refused.entries.length === 0 && !stopped.signal.aborted) return [];
      if (run.onRefused === undefined || failure.isFromOutside || refused.entries.length === 0) return [failure];
      for (const entry of refused.entries) run.onRefused(entry);
      return [];
    }),
  );
}

/** pg_restore of this version and newer ones sets it, whatever the server; servers before it do not know it. */
const WRITES_TRANSACTION_TIMEOUT = 17;

const UNKNOWN_TIMEOUT = /^pg_restore: error: .*unrecognized configuration parameter "transaction_timeout"/;

/** A dump, read without a server. */
export interface DumpReader {
  /** The table of contents, with dependencies. */
  readonly list: string;
  /** The SQL of a part of the table of contents, which has no rows in it. */
  script(part: string): Promise<string>;
  /** The SQL of the definitions in a part, before or behind the rows. */
  section(name: 'pre-data' | 'post-data', part: string): Promise<string>;
  /** Hands over the SQL of what a part holds besides rows of tables, piece by piece: sequences and large objects. */
  data(part: string, run: (sql: string) => Promise<void>): Promise<void>;
  /** Hands over the script with the rows of a part. */
  rows(part: string, consume: (script: Readable) => Promise<void>): Promise<void>;
}

/**
 * Lends a dump to read from.
 * @throws AishaError (backup) when pg_restore cannot read it; whatever `use` throws
 */
export async function readDump<T>(
  backup: StoredBackup,
  tools: ClientTools,
  { env, signal }: Pick<RestoreRunWorld, 'env' | 'signal'>,
  use: (dump: DumpReader) => Promise<T>,
): Promise<T> {
  const dump = join(contentFolder(backup), dumpPath(backup.manifest));
  const program = join(tools.binDir, 'pg_restore');
  // It reads a file and connects to nothing.
  const environment = { PATH: env['PATH'] ?? '', LC_ALL: 'C.UTF-8' };
  return withScratchFolder(async (folder) => {
    const read = async (args: readonly string[], output: Pick<ToolRun, 'keepOutput' | 'consume'>): Promise<string> => {
      const outcome = await runTool({ program, args: [...args, dump], env: environment, signal, ...output });
      signal.throwIfAborted();
      if (outcome.exitCode === 0) return outcome.stdout;
      throw new AishaError('backup', `the dump of ${backup.manifest.id} cannot be read`, {
        details: outcome.complaints,
        hint: 'Restore from another backup: aisha-db backup list shows them.',
      });
    };
    const chosen = (part: string): string => {
      const list = join(folder, 'list');
      writeFileSync(list, part, { mode: 0o600 });
      return `--use-list=${list}`;
    };
    return use({
      list: await read(['--list', '--verbose'], { keepOutput: true }),
      script: async (part) => withoutMetaCommands(await read([chosen(part), '--file=-'], { keepOutput: true })),
      section: async (name, part) =>
        withoutMetaCommands(await read([`--section=${name}`, chosen(part), '--file=-'], { keepOutput: true })),
      data: async (part, run) => {
        const consume = async (stdout: Readable): Promise<void> => {
          let key: string | undefined;
          for await (const batch of batchesOf(stdout)) {
            key ??= keyOf(batch);
            await run(withoutTransactions(withoutMetaCommands(batch, key)));
          }
        };
        await read(['--section=data', chosen(part), '--file=-'], { consume });
      },
      rows: async (part, consume) => {
        await read(['--data-only', chosen(part), '--file=-'], { consume });
      },
    });
  });
}

/**
 * psql is kept from commands in the SQL by two of its own around it, which no server knows (CVE-2025-8714). A setting at
 * the beginning is one that servers before 17 do not know; our sessions have it already.
 */
function withoutMetaCommands(text: string, key = keyOf(text)): string {
  const script = text.replace(/^SET transaction_timeout = 0;\n/m, '');
  if (key === undefined) return script;
  return script.replace(`\\restrict ${key}\n`, '').replace(`\\unrestrict ${key}\n`, '');
}

function keyOf(script: string): string | undefined {
  return /^\\restrict (\S+)$/m.exec(script)?.[1];
}

/** pg_restore puts large objects into transactions of their own, and would commit the one that it runs in. */
function withoutTransactions(script: string): string {
  return script.replaceAll(/^(?:BEGIN|COMMIT);$/gm, '');
}

/** Watches from a session of its own while `work` runs; a watch that fails ends the work. */
async function watched<T>(
  { target, applicationName, label }: RestoreRun,
  parts: RestoreProgress,
  ear: Ear,
  idleTimeoutMs: number,
  { signal, progress }: Pick<RestoreRunWorld, 'signal' | 'progress'>,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const session = await openReader(target, applicationName, signal);
  try {
    const [ended, stuck] = [new AbortController(), new AbortController()];
    const watch = watchProgress({
      session,
      applicationName,
      ownPids: [await backendPid(session)],
      what: 'the restore',
      describe: (copies) => parts.describe(label, copies, performance.now()),
      sign: () => undefined,
      wasHeard: () => ear.wasHeard(),
      idleTimeoutMs,
      progress,
      signal: ended.signal,
    }).catch((error) => stuck.abort(error));
    const result = await work(AbortSignal.any([signal, stuck.signal])).finally(() => ended.abort());
    await watch;
    stuck.signal.throwIfAborted();
    return result;
  } finally {
    await session.close();
  }
}

function failed(
  message: string,
  { exitCode, endedBy, complaints }: ToolOutcome,
  /** By us, because of what it complained of. */
  isStopped = false,
): RestoreFailure {
  const signal = exitCode === undefined && !isStopped ? [`pg_restore was ended by ${endedBy ?? 'a signal'}`] : [];
  return {
    object: 'the dump',
    message: [message, ...signal, ...complaints].join('\n'),
    isFromOutside: (exitCode === undefined && !isStopped) || complaints.some((line) => FROM_OUTSIDE.test(line)),
  };
}

/** What libpq and the server say of a lost connection, a full disk and a lack of memory. */
const FROM_OUTSIDE =
  /server closed the connection|terminating connection|connection to server .* failed|could not send data|No space left on device|out of memory|shutting down|starting up/;
