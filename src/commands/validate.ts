import { migrationFolder, migrationSource, planOptions, runHooks } from '../cli/migration.ts';
import { placed } from '../migrations/check-scripts.ts';
import { readFolder } from '../migrations/files.ts';
import { checkAlone } from '../migrations/grammar-check.ts';
import { readLedger } from '../migrations/ledger.ts';
import { openSession, reading, refuseForeignLedger } from '../migrations/open.ts';
import { type PlanProblem, type PlanWarning, planMigrations } from '../migrations/plan.ts';
import { lookAtFiles, lookInto } from '../migrations/preflight.ts';
import { inFileOrder, problemFindings, warningFindings } from '../migrations/report.ts';
import { loadGrammar } from '../migrations/tree.ts';
import { once } from '../once.ts';
import { counted } from '../report/quantity.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: 'check files without running them; no database is needed',
  description:
    'Checks every numbered file: grammar, transaction control, psql commands, headers, dependencies, duplicate numbers. With --ledger it also asks the database: changed and missing files, order, and the grammar of that very server.',
  examples: [
    'aisha-db validate',
    'aisha-db validate --dir db/migrations --format sarif --output validate.sarif',
    'aisha-db validate --ledger',
  ],
  database: true,
  failures: ['plan', 'changed'],
  failOn: 'critical',
  configure(command) {
    command
      .option('--dir <folder>', 'folder of SQL files')
      .option('--ledger', 'also compare with the ledger of the database');
  },
  async run(context, _args, options) {
    const found = options['ledger'] === true ? await againstLedger(context) : await alone(context);
    const { problems, warnings, count } = found;
    const exitCode = problems.some((p) => p.kind === 'changed') ? 5 : problems.length > 0 ? 4 : undefined;
    return {
      text: `${counted(count, 'file')} checked: ${counted(problems.length, 'problem')}, ${counted(warnings.length, 'warning')}`,
      checks: [
        {
          id: 'plan-invalid',
          title: 'every file can run, in this order',
          status: problems.length > 0 ? 'failed' : 'passed',
        },
      ],
      findings: [
        ...problemFindings(problems, migrationFolder(context)),
        ...warningFindings(warnings, migrationFolder(context)),
      ],
      data: { files: count },
      ...(exitCode === undefined ? {} : { exitCode }),
    };
  },
};

interface Found {
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly PlanWarning[];
  readonly count: number;
}

/** As if nothing were applied: every numbered file is looked into. */
async function alone(context: Context): Promise<Found> {
  const source = migrationSource(context);
  const folder = readFolder(source.dir, source.finalFrom);
  const plan = planMigrations(folder.files, [], planOptions(context));
  const grammar = once(loadGrammar);
  const refused: PlanProblem[] = [];
  const found = await lookAtFiles(source, folder, plan.entries, grammar, async (script) => {
    refused.push(...checkAlone([script], await grammar()).map((p) => placed(p.file, p)));
  });
  return {
    problems: inFileOrder([...plan.problems, ...found.problems, ...refused], plan.entries),
    warnings: [...plan.warnings, ...found.warnings],
    count: folder.files.length,
  };
}

async function againstLedger(context: Context): Promise<Found> {
  const source = migrationSource(context);
  const target = await context.target();
  const folder = readFolder(source.dir, source.finalFrom);
  const session = await openSession(target, 'aisha-db validate', {}, runHooks(context, target));
  try {
    const ledger = await reading(session, context.signal, () => readLedger(session, source.ledger));
    refuseForeignLedger(source.ledger, ledger);
    const plan = planMigrations(folder.files, ledger.rows, planOptions(context));
    const preflight = await lookInto(source, { folder, ledger, plan }, session, planOptions(context));
    return { ...preflight.plan, count: folder.files.length };
  } finally {
    await session.close();
  }
}
