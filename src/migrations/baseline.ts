import { AishaError } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { tokenChecksum } from './checksum.ts';
import { type MigrationFolder, readFolder } from './files.ts';
import { type LedgerRow, readLedger, upsertSql } from './ledger.ts';
import { type LockOptions, lockRun } from './lock-run.ts';
import { compareNames, compareVersions, type Version } from './name.ts';
import { type MigrationSource, openSession, type RunHooks, reading, refuseForeignLedger } from './open.ts';
import { duplicateGroups, type FileFact } from './plan.ts';
import type { Running } from './runner.ts';

export interface BaselineOptions extends LockOptions {
  /** Mark forward files up to and including this number. */
  readonly to: Version | undefined;
  /** Take over a hand-made list: `schema_migrations` or `schema.table`. */
  readonly fromTable: string | undefined;
  readonly dryRun: boolean;
}

export interface BaselineResult {
  /** Files that are (or would be) marked. */
  readonly marked: readonly string[];
  /** Names in the hand-made list without a file. */
  readonly unmatched: readonly string[];
  /** Entries of the list that record a failure: their files stay pending. */
  readonly failed: readonly string[];
}

/** Marks files as applied without running them: for a database that holds the schema already. */
export async function baseline(
  source: MigrationSource,
  target: Target,
  options: BaselineOptions,
  hooks: RunHooks,
): Promise<BaselineResult> {
  refusePoolerAddress(target);
  const folder = readFolder(source.dir, source.finalFrom);
  const work = await openSession(target, 'aisha-db baseline', {}, hooks);
  try {
    const ledger = await reading(work, hooks.signal, () => readLedger(work, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const list = options.fromTable === undefined ? undefined : await readHandMade(work, options.fromTable);
    const chosen = choose(folder, ledger.rows, options.to, list);
    refuseUnreadable(chosen.files);
    if (options.dryRun || chosen.files.length === 0) return resultOf(chosen);
    await lockRun(source, target, work, options, hooks, (running, now) =>
      mark(running, folder, chosen.files, now.rows),
    );
    return resultOf(chosen);
  } finally {
    await work.close();
  }
}

interface HandMade {
  readonly name: string;
  readonly success: boolean;
}

interface Chosen {
  readonly files: readonly FileFact[];
  readonly unmatched: readonly string[];
  readonly failed: readonly string[];
}

function resultOf({ files, unmatched, failed }: Chosen): BaselineResult {
  return { marked: files.map((f) => f.name.file), unmatched, failed };
}

function choose(
  folder: MigrationFolder,
  rows: readonly LedgerRow[],
  to: Version | undefined,
  list: readonly HandMade[] | undefined,
): Chosen {
  const known = new Set(rows.filter((row) => row.state !== 'rolled-back').map((row) => row.file));
  const planned = folder.files
    .filter((f) => f.name.phase === 'forward' || f.name.phase === 'final')
    .sort((a, b) => compareNames(a.name, b.name));
  const fresh = planned.filter((f) => !known.has(f.name.file));
  if (list === undefined) {
    const files = fresh.filter(
      (f) => f.name.phase === 'forward' && to !== undefined && compareVersions(f.name.version, to) <= 0,
    );
    return { files, unmatched: [], failed: [] };
  }
  const bare = (name: string) => name.replace(/^.*\//, '').replace(/\.sql$/i, '');
  const succeeded = new Set(list.filter((row) => row.success).map((row) => bare(row.name)));
  const names = new Set(planned.map((f) => bare(f.name.file)));
  return {
    files: fresh.filter((f) => succeeded.has(bare(f.name.file))),
    unmatched: list.filter((row) => !names.has(bare(row.name))).map((row) => row.name),
    failed: list.filter((row) => !row.success && !succeeded.has(bare(row.name))).map((row) => row.name),
  };
}

/** A file that cannot be read has no checksum to be recognised by later. */
function refuseUnreadable(files: readonly FileFact[]): void {
  const details = files.flatMap(({ name, unreadable }) =>
    unreadable === undefined ? [] : [`${name.file}: cannot be read: ${unreadable}`],
  );
  if (details.length === 0) return;
  throw new AishaError('plan', 'nothing was marked: files cannot be read', {
    details,
    hint: 'Check their permissions, or where the links point.',
  });
}

/** The table teams sketch: migration_name, applied_at, success (manual, part 1); only the name is needed. */
async function readHandMade(session: Session, text: string): Promise<HandMade[]> {
  const refuse = (error: unknown) => {
    throw unreadableList(text, error);
  };
  const [row] = await session
    .query<{ schema: string; name: string; columns: string[] }>(
      `select n.nspname as schema, c.relname as name,
            array(select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid = pg_catalog.to_regclass($1)`,
      [text],
    )
    .catch(refuse);
  if (!row)
    throw new AishaError('usage', `no table ${text}`, {
      hint: 'Name the table that lists what was applied, with its schema: public.schema_migrations.',
    });
  if (!row.columns.includes('migration_name')) {
    throw new AishaError('usage', `${text} has no column migration_name`, {
      hint: `Its columns are ${row.columns.join(', ')}. Mark files by number instead: aisha-db baseline --to N.`,
    });
  }
  const success = row.columns.includes('success') ? 'coalesce(success::text::boolean, true)' : 'true';
  return session
    .query<HandMade>(
      `select migration_name::text as name, ${success} as success from ${quoteQualified(row.schema, row.name)} where migration_name is not null order by 1`,
    )
    .catch(refuse);
}

/** The name is no name, the role may not read it, or `success` holds something else than yes and no. */
function unreadableList(text: string, error: unknown): unknown {
  const server = serverError(error);
  if (!server) return error;
  return new AishaError('usage', `the list ${text} cannot be read: ${server.message}`, {
    hint: 'Name a table that this role may read, with its schema: public.schema_migrations. A column success must be boolean.',
    sqlState: server.code,
    cause: error,
  });
}

async function mark(
  running: Running,
  folder: MigrationFolder,
  files: readonly FileFact[],
  rows: readonly LedgerRow[],
): Promise<void> {
  const known = new Set(rows.filter((row) => row.state !== 'rolled-back').map((row) => row.file));
  const groups = duplicateGroups([...folder.files].sort((a, b) => compareNames(a.name, b.name)));
  const statements = files
    .filter((f) => !known.has(f.name.file))
    .map((f) =>
      upsertSql(
        running.ledger,
        {
          file: f.name.file,
          number: f.name.version?.text,
          phase: f.name.phase,
          checksum: f.checksum!,
          tokenChecksum: tokenChecksum(folder.read(f.name.file)),
          state: 'baseline',
          appliedFrom: running.settings.appliedFrom,
          executionTime: 'null',
          siblings: (groups.get(f.name.file) ?? []).map((g) => g.name.file).filter((name) => name !== f.name.file),
          statementsDone: 0,
          statementsTotal: 0,
          toolVersion: running.settings.toolVersion,
        },
        running.lock.fence,
      ),
    );
  const { error } = await running.work.script([['begin', ...statements, 'commit'].join(';')]);
  if (!error) return;
  await running.work.script(['rollback']);
  throw new AishaError('rolledBack', `nothing was marked: ${error.message}`, { cause: error });
}
