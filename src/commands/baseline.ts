import { migrationSource, runHooks, runSettings } from '../cli/migration.ts';
import { AishaError } from '../errors.ts';
import { baseline } from '../migrations/baseline.ts';
import { parseName, type Version } from '../migrations/name.ts';
import { counted } from '../report/quantity.ts';
import type { Finding } from '../report/report.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'mark files as applied without running them',
  description:
    'For a database that holds the schema already: --to N marks every forward file up to number N; --from-table takes over a hand-made list with a column migration_name. Only the ledger is written.',
  examples: [
    'aisha-db baseline --to 052 --dry-run',
    'aisha-db baseline --to 052',
    'aisha-db baseline --from-table public.schema_migrations',
  ],
  database: true,
  failures: ['plan', 'lock'],
  failOn: 'critical',
  configure(command) {
    command
      .option('--dir <folder>', 'folder of SQL files')
      .option('--to <number>', 'mark files up to and including this number')
      .option('--from-table <table>', 'take over the names in this table')
      .option('--dry-run', 'show what would be marked; write nothing')
      .option('--lock-wait <duration>', 'how long to wait for another run');
  },
  async run(context, _args, options) {
    const { to, fromTable } = readChoice(options);
    const target = await context.target();
    const dryRun = options['dryRun'] === true;
    if (!dryRun && target.environment?.protected) await context.confirm(target);
    const settings = { to, fromTable, dryRun, lockWaitMs: context.config.lockWaitMs, run: runSettings(context) };
    const result = await baseline(migrationSource(context), target, settings, runHooks(context, target));
    const findings: Finding[] = [
      ...result.unmatched.map((object) => ({
        check: 'baseline-unmatched',
        severity: 'warning' as const,
        object,
        message: 'is in the list, but there is no such file',
      })),
      ...result.failed.map((object) => ({
        check: 'baseline-failed',
        severity: 'warning' as const,
        object,
        message: 'failed according to the list; it stays pending',
      })),
    ];
    return {
      text: `${counted(result.marked.length, 'file')} ${dryRun ? 'would be marked' : 'marked'} as applied; none was run`,
      tables: result.marked.length === 0 ? [] : [{ columns: ['file'], rows: result.marked.map((file) => [file]) }],
      data: { baseline: result },
      findings,
    };
  },
};

function readChoice(options: Readonly<Record<string, unknown>>): {
  to: Version | undefined;
  fromTable: string | undefined;
} {
  const fromTable = options['fromTable'] as string | undefined;
  if ((options['to'] === undefined) === (fromTable === undefined)) {
    throw new AishaError('usage', 'say what to mark: --to NUMBER or --from-table TABLE', {
      hint: 'Give one of the two; --dry-run shows what it would do.',
    });
  }
  if (options['to'] === undefined) return { to: undefined, fromTable };
  const to = parseName(`${String(options['to'])}_x.sql`).version;
  if (!to)
    throw new AishaError('usage', `--to "${String(options['to'])}" is no number`, {
      hint: 'Give the number of a file as it is written: 052.',
    });
  return { to, fromTable: undefined };
}
