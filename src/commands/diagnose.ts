import { configuredChecks, diagnose, diagnoseOptions, exactOption, historyOptions } from '../cli/diagnosis.ts';
import { describeSeverity, listTable, psqlScript } from '../diagnostics/page.ts';
import { settingsFor } from '../diagnostics/run.ts';
import { selectChecks } from '../diagnostics/select.ts';
import type { CommandResult } from '../report/report.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: 'look for what is wrong or will be, with what to do about it',
  description:
    'Runs the checks of docs/diagnostics.md, each in a short read-only transaction of its own. A check ends as passed, failed, not-applicable, or unknown with the grant, extension or setting that would decide it: what could not be looked at is never green. Thresholds and mutes are set in the configuration.\n\n--save keeps what was found and measured, without any text of a query; --trend compares each check with the last kept run that decided it, and numbers with the first. Both together, once a day from cron, tell what changed and how sizes grow.\n\n--self-test plants the defect of each check, and what only looks like it, in a scratch schema inside a transaction that is rolled back, and fails when a check does not tell them apart. Nobody sees what is planted and nothing of it remains; the role needs CREATE on the database. What cannot be rolled back (counters, sessions, vacuum, settings of the server) is planted on a private server that is started for it, of the same major version where this machine has its programs, and goes with the run.',
  examples: [
    'aisha-db diagnose',
    'aisha-db diagnose indexes missing-primary-key',
    'aisha-db diagnose --save --trend --format html --output health.html',
    'aisha-db diagnose --list',
    'aisha-db diagnose --show unindexed-foreign-key | psql',
  ],
  database: true,
  configure(command) {
    exactOption(command);
    historyOptions(command);
    command
      .argument('[names...]', 'checks or categories; all of them when absent')
      .option('--self-test', 'test the checks themselves on defects that are planted for it')
      .option('--list', 'list the checks; no database is needed')
      .option('--show <check>', 'print one check as a script for psql; no database is needed');
  },
  async run(context, args, options) {
    if (typeof options['show'] === 'string') return show(context, options['show']);
    if (options['list'] === true) return list(context, args);
    if (options['selfTest'] === true) return (await import('../cli/self-test.ts')).selfTest(context, args);
    return diagnose(context, diagnoseOptions(args, options));
  },
};

function list(context: Context, names: readonly string[]): CommandResult {
  const definitions = selectChecks(
    configuredChecks(context).map(({ definition }) => definition),
    { names, requested: ['exact'] },
  );
  return {
    tables: [listTable(definitions)],
    data: {
      checks: definitions.map((definition) => ({
        id: definition.id,
        category: definition.category,
        title: definition.title,
        finds: describeSeverity(definition),
        manual: definition.manual,
      })),
    },
  };
}

function show(context: Context, name: string): CommandResult {
  const definitions = configuredChecks(context).map(({ definition }) => definition);
  const found = selectChecks(definitions, { names: [name], requested: [] });
  const { timeoutMs } = context.config.diagnostics;
  // Without a server the schemas of extensions are not known; psql's user corrects the line if need be.
  const server = {
    extensions: new Map(),
    ignoredSchemas: ['pg_catalog', 'information_schema', 'pg_toast'],
  };
  const scripts = found.map((definition) => psqlScript(definition, settingsFor(definition, server, timeoutMs)));
  return { text: scripts.join('\n\n') };
}
