import { migrationFolder, migrationSource, planOptions, runHooks } from '../cli/migration.ts';
import { withChanges } from '../migrations/changes.ts';
import { readFolder } from '../migrations/files.ts';
import { readLedger } from '../migrations/ledger.ts';
import { openSession, reading, refuseForeignLedger } from '../migrations/open.ts';
import { planMigrations } from '../migrations/plan.ts';
import { countStates, migrationsResult, problemFindings, warningFindings } from '../migrations/report.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'list every SQL file with its phase and state',
  description:
    'Accounts for every .sql file of the folder and every row of the ledger: applied, pending, changed, missing, out of order, interrupted. Reads only; a role that may read the ledger is enough.',
  examples: ['aisha-db status', 'aisha-db status --check', 'aisha-db status --format json | jq .data.migrations'],
  database: true,
  failures: ['plan', 'changed'],
  failOn: 'critical',
  configure(command) {
    command
      .option('--dir <folder>', 'folder of SQL files')
      .option('--check', 'exit code 1 when something is pending or wrong: for CI')
      .option('--pending', 'list only what is not applied');
  },
  async run(context, _args, options) {
    const source = migrationSource(context);
    const folder = readFolder(source.dir, source.finalFrom);
    const target = await context.target();
    const session = await openSession(target, 'aisha-db status', {}, runHooks(context, target));
    try {
      const ledger = await reading(session, context.signal, () => readLedger(session, source.ledger));
      refuseForeignLedger(source.ledger, ledger);
      const planned = planMigrations(folder.files, ledger.rows, planOptions(context));
      const plan = withChanges(planned, ledger.rows, folder.read);
      const shown =
        options['pending'] === true
          ? plan.entries.filter((e) => e.state !== 'applied' && e.state !== 'baseline')
          : plan.entries;
      const changed = plan.problems.some((p) => p.kind === 'changed');
      const open = plan.problems.length > 0 || plan.entries.some((e) => e.run);
      return {
        ...migrationsResult(plan.entries, shown, countStates(plan.entries)),
        findings: [
          ...problemFindings(plan.problems, migrationFolder(context)),
          ...warningFindings(plan.warnings, migrationFolder(context)),
        ],
        ...(changed ? { exitCode: 5 } : options['check'] === true && open ? { exitCode: 1 } : {}),
      };
    } finally {
      await session.close();
    }
  },
};
