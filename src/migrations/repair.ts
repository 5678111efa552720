import { AishaError } from '../errors.ts';
import { refusePoolerAddress } from '../postgres/pooler.ts';
import { quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { Target } from '../postgres/target.ts';
import { CHANGE_TEXT, changeOf } from './changes.ts';
import { tokenChecksum } from './checksum.ts';
import { type MigrationFolder, readFolder } from './files.ts';
import { forgetSql, type LedgerName, type LedgerRow, readLedger } from './ledger.ts';
import { type LockOptions, lockRun } from './lock-run.ts';
import type { MigrationName } from './name.ts';
import { type MigrationSource, openSession, type RunHooks, reading, refuseForeignLedger } from './open.ts';
import type { Running } from './runner.ts';

export interface RepairOptions extends LockOptions {
  /** Files named by the user; empty for all cosmetic changes. */
  readonly files: readonly string[];
  /** What is known of an interrupted statement that nobody can look up: it took effect, or it shall run again. */
  readonly statement: 'done' | 'again' | undefined;
}

/** How an applied file differs from what was applied. */
type Difference = 'cosmetic' | 'semantic' | 'renamed' | 'missing' | 'undecided statement';

export interface Repair {
  readonly file: string;
  readonly difference: Difference;
  readonly what: string;
  /** False for what has to be named to be accepted. */
  readonly accepted: boolean;
}

/** Brings the ledger in line with the files where someone says that this is right; never runs anything. */
export async function repair(
  source: MigrationSource,
  target: Target,
  options: RepairOptions,
  hooks: RunHooks,
): Promise<Repair[]> {
  refusePoolerAddress(target);
  const folder = readFolder(source.dir, source.finalFrom);
  const work = await openSession(target, 'aisha-db repair', {}, hooks);
  try {
    const ledger = await reading(work, hooks.signal, () => readLedger(work, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const found = findDifferences(folder, ledger.rows, options);
    refuseUnknown(options.files, found);
    if (options.dryRun || !found.some((r) => r.repair.accepted)) return found.map((r) => r.repair);
    return await lockRun(source, target, work, options, hooks, async (running, now) => {
      // Whoever had the lock until now may have repaired the same.
      const current = findDifferences(folder, now.rows, options);
      await write(
        running,
        current.filter((r) => r.repair.accepted),
      );
      return current.map((r) => r.repair);
    });
  } finally {
    await work.close();
  }
}

interface Found {
  readonly repair: Repair;
  readonly sql: (ledger: LedgerName) => string;
  /** Names by which the user may mean it. */
  readonly names: readonly string[];
}

function findDifferences(folder: MigrationFolder, rows: readonly LedgerRow[], options: RepairOptions): Found[] {
  const files = new Map(folder.files.map((f) => [f.name.file, f]));
  const known = new Set(rows.map((row) => row.file));
  const found: Found[] = [];
  for (const row of rows) {
    if (row.state === 'rolled-back' || row.phase === 'manual' || row.phase === 'rollback') continue;
    const named = options.files.includes(row.file);
    const file = files.get(row.file);
    if (!file) {
      const renamed = folder.files.find(
        (f) => f.checksum === row.checksum && !known.has(f.name.file) && f.name.phase === 'forward',
      );
      found.push(renamed ? renamedRow(row, renamed.name, options) : missingRow(row, named));
    } else if (row.state === 'interrupted') {
      if (row.inHand) found.push(undecidedRow(row, named ? options.statement : undefined));
    } else if (file.checksum !== undefined && file.checksum !== row.checksum && row.phase !== 'final') {
      found.push(changedRow(row, file.checksum, folder.read(row.file), named));
    }
  }
  return found;
}

function changedRow(row: LedgerRow, signature: string, content: Uint8Array, named: boolean): Found {
  const tokens = tokenChecksum(content);
  const change = changeOf(row, signature, content);
  const cosmetic = change === 'cosmetic';
  const difference = cosmetic ? 'cosmetic' : 'semantic';
  const what = cosmetic ? CHANGE_TEXT.cosmetic : `${CHANGE_TEXT[change]}: the database holds what the old content made`;
  return {
    repair: { file: row.file, difference, what, accepted: cosmetic || named },
    names: [row.file],
    sql: (l) =>
      `update ${quoteQualified(l.schema, l.table)} set checksum = ${quoteLiteral(signature)}, token_checksum = ${quoteLiteral(tokens)} where file = ${quoteLiteral(row.file)}`,
  };
}

function renamedRow(row: LedgerRow, { file: to, version }: MigrationName, options: RepairOptions): Found {
  const number = version === undefined ? 'null' : quoteLiteral(version.text);
  const accepted = options.files.length === 0 || options.files.includes(to) || options.files.includes(row.file);
  return {
    repair: { file: row.file, difference: 'renamed', what: `same content as ${to}`, accepted },
    names: [row.file, to],
    sql: (l) =>
      `update ${quoteQualified(l.schema, l.table)} set file = ${quoteLiteral(to)}, number = ${number} where file = ${quoteLiteral(row.file)}`,
  };
}

function missingRow(row: LedgerRow, named: boolean): Found {
  return {
    repair: {
      file: row.file,
      difference: 'missing',
      what: 'in the ledger, not in the folder; repairing forgets that it was applied',
      accepted: named,
    },
    names: [row.file],
    sql: (l) => forgetSql(l, row.file),
  };
}

function undecidedRow(row: LedgerRow, statement: 'done' | 'again' | undefined): Found {
  const number = (row.inHand?.unit ?? 0) + 1;
  return {
    repair: {
      file: row.file,
      difference: 'undecided statement',
      what: `statement ${number} was interrupted`,
      accepted: statement !== undefined,
    },
    names: [row.file],
    sql: (l) => {
      const table = quoteQualified(l.schema, l.table);
      const done = statement === 'done' ? ", statements_done = statements_done + 1, progress_hash = '*'" : '';
      return `update ${table} set in_hand = null${done} where file = ${quoteLiteral(row.file)}`;
    },
  };
}

function refuseUnknown(files: readonly string[], found: readonly Found[]): void {
  const unknown = files.filter((file) => !found.some((r) => r.names.includes(file)));
  if (unknown.length === 0) return;
  throw new AishaError('usage', `nothing to repair in ${unknown.join(', ')}`, {
    hint: 'aisha-db repair without a name lists what differs.',
  });
}

async function write(running: Running, found: readonly Found[]): Promise<void> {
  const { error } = await running.work.script([
    ['begin', ...found.map((r) => r.sql(running.ledger)), 'commit'].join(';'),
  ]);
  if (!error) return;
  await running.work.script(['rollback']);
  throw new AishaError('rolledBack', `nothing was repaired: ${error.message}`, { cause: error });
}
