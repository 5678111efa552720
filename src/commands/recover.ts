import type { RecoveryOptions } from '../cli/recovery.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

const STEPS = ['assess', 'choose', 'undo', 'restore', 'verify', 'report'] as const;

export const command: Command = {
  summary: 'recover from a disaster, step by step, with an incident report',
  description: [
    'The plan of the manual (8.5). assess compares the database with its last backup (tables, rows, catalog), counts rows whose parent is gone, reads audit_log for who deleted what, and the ledger; choose weighs the ways back with their RTO and RPO, measured ones where there are; undo brings deleted and changed rows back from audit_log; restore brings back what is gone from the backup, or the whole database when it is lost; verify counts again and proves the isolation of tenants; report prints the incident report.',
    'Every step is kept in the incident, and can be run again. Nothing is written to the database without a confirmation; --plan shows what would be. See docs/recover.md.',
  ].join('\n\n'),
  examples: [
    'aisha-db recover assess --at 2026-11-15T10:05:00Z',
    'aisha-db recover choose --pitr',
    'aisha-db recover undo --since 2026-11-15T10:00:00Z --table contacts --plan',
    'aisha-db recover restore --plan',
    'aisha-db recover verify',
    'aisha-db recover report',
  ],
  database: true,
  failures: ['backup', 'rolledBack', 'lock'],
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
        'undo: only this table; repeatable',
        (value: string, before: readonly string[] = []) => [...before, value],
      )
      .option('--by <who>', 'undo: only changes by this author, as audit_log names him')
      .option('--plan', 'undo, restore: show what would be done; write nothing');
  },
  async run(context, [step = 'assess'], options) {
    const recovery = await import('../cli/recovery.ts');
    const steps: Readonly<
      Record<(typeof STEPS)[number], (context: Context, options: RecoveryOptions) => Promise<CommandResult>>
    > = {
      assess: recovery.assessDamage,
      choose: recovery.choose,
      undo: recovery.undoFromLog,
      restore: recovery.restoreLost,
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
  };
}
