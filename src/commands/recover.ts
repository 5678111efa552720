import type { RecoveryOptions } from '../cli/incident.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

const STEPS = ['assess', 'choose', 'undo', 'restore', 'replay', 'verify', 'report'] as const;

export const command: Command = {
  summary: 'recover from a disaster, step by step, with an incident report',
  description: [
    'The plan of the manual (8.5). assess compares the database with its last backup (tables, rows, catalog), counts rows whose parent is gone, reads audit_log for who deleted what, and the ledger; choose weighs the ways back with their RTO and RPO, measured ones where there are; undo brings deleted and changed rows back from audit_log; restore brings back what is gone from the backup, rows of tables that are named (--table), or the whole database when it is lost or --way says so; replay applies the migrations that the backup does not have; verify counts again and proves the isolation of tenants; report prints the incident report.',
    'Every step is kept in the incident before it is carried out, so that one that was killed is gone on with when it is run again. Nothing is written to the database without a confirmation; --plan shows what would be. See docs/recover.md.',
  ].join('\n\n'),
  examples: [
    'aisha-db recover assess --at 2026-11-15T10:05:00Z',
    'aisha-db recover choose --pitr',
    'aisha-db recover undo --since 2026-11-15T10:00:00Z --table contacts --plan',
    'aisha-db recover restore --plan',
    'aisha-db recover restore --table public.contacts --merge changed',
    'aisha-db recover restore --way backup-and-migrations',
    'aisha-db recover verify',
    'aisha-db recover report',
  ],
  database: true,
  failures: ['plan', 'changed', 'backup', 'rolledBack', 'partial', 'rlsGate', 'lock'],
  words: () => STEPS,
  configure(command) {
    command
      .argument('[step]', STEPS.join(', '), 'assess')
      .option('--incident <id>', 'the incident, or its beginning; the newest of the database when absent')
      .option('--at <time>', 'when it happened: only older backups count')
      .option('--pitr', 'the platform can go back to a point in time')
      .option('--backup <id>', 'this backup (or its beginning, or latest) in place of the last one before the incident')
      .option('--store <folder>', 'folder of the backups')
      .option('--since <time>', 'assess, undo: changes from then on')
      .option('--until <time>', 'assess, undo: changes up to then')
      .option(
        '--table <name>',
        'undo: only this table; restore: put back rows of this table from the backup; repeatable',
        repeated,
      )
      .option('--by <who>', 'undo: only changes by this author, as audit_log names him')
      .option('--way <method>', 'restore: missing-objects, table-rows, backup or backup-and-migrations')
      .option(
        '--merge <mode>',
        'restore --table: missing (rows that are gone) or changed (also rows with other values)',
      )
      .option('--end-sessions', 'restore --way backup: end the sessions of the database without asking')
      .option('--to <number>', 'replay: up to and including this number')
      .option(
        '--include <file>',
        'replay: this file too, although it was applied when it happened; repeatable',
        repeated,
      )
      .option('--dir <folder>', 'replay: folder of SQL files')
      .option('--lock-timeout <duration>', 'restore, replay: how long a statement may wait for a lock')
      .option('--plan', 'undo, restore, replay: show what would be done; write nothing');
  },
  async run(context, [step = 'assess'], options) {
    const [recovery, act] = await Promise.all([import('../cli/recovery.ts'), import('../cli/recovery-steps.ts')]);
    const steps: Readonly<
      Record<(typeof STEPS)[number], (context: Context, options: RecoveryOptions) => Promise<CommandResult>>
    > = {
      assess: recovery.assessDamage,
      choose: recovery.choose,
      undo: act.undoFromLog,
      restore: act.restoreLost,
      replay: act.replayMigrations,
      verify: recovery.verifyRecovery,
      report: recovery.document,
    };
    const known = STEPS.find((name) => name === step);
    if (known === undefined) {
      const meant = didYouMean(step, STEPS);
      throw new AishaError('usage', `recover has no step "${step}"`, {
        hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}Known are ${STEPS.join(', ')}.`,
      });
    }
    return steps[known](context, readOptions(options));
  },
};

function readOptions(options: Readonly<Record<string, unknown>>): RecoveryOptions {
  const text = (name: string) => options[name] as string | undefined;
  return {
    incident: text('incident'),
    at: text('at'),
    backup: text('backup'),
    pitr: options['pitr'] as boolean | undefined,
    since: text('since'),
    until: text('until'),
    tables: (options['table'] as readonly string[] | undefined) ?? [],
    by: text('by'),
    plan: options['plan'] === true,
    way: text('way'),
    merge: text('merge'),
    include: (options['include'] as readonly string[] | undefined) ?? [],
    to: text('to'),
    endSessions: options['endSessions'] === true,
  };
}

function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
