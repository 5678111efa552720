import type { Command } from './command.ts';

export const command: Command = {
  summary: 'show how a query is run, and what stands out, in words and as a tree',
  description:
    'Plans one query: as an argument, from a file, from stdin, or by its number in pg_stat_statements. Nothing is run unless --analyze asks for it; then it runs in a transaction that is undone. With --role and --tenant the policies of row-level security are in the plan. A query with parameters is planned for any value of them, or for those of --param. docs/explain.md says what stands out and why.',
  examples: [
    'aisha-db explain "select * from contacts where tenant_id = $1"',
    'aisha-db explain --file slow.sql --analyze',
    'aisha-db explain --id 5432109876543210987',
    'aisha-db explain --role authenticated --tenant 7f3c… --analyze "select count(*) from contacts"',
    'aisha-db explain --file slow.sql --format html --output plan.html',
  ],
  database: true,
  // What stands out is for people to look at; a script that wants to fail says so.
  failOn: 'critical',
  failures: ['lock', 'rolledBack'],
  configure(command) {
    command
      .argument('[query]', 'one SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES; - or nothing reads stdin')
      .option('--file <file>', 'file with the query')
      .option('--id <number>', 'queryid of pg_stat_statements')
      .option('--analyze', 'run it, in a transaction that is undone, and measure')
      .option('--param <value>', 'value of $1, then of $2, ... (repeatable)', collect)
      .option('--role <name>', 'role that the plan is for')
      .option('--tenant <id>', 'tenant that the plan is for: SET LOCAL of the settings of "tenancy"')
      .option('--statement-timeout <duration>', 'how long the query may run with --analyze (default: 30s)')
      .option('--lock-timeout <duration>', 'how long it may wait for a lock (default: 2s)');
  },
  async run(context, args, options) {
    const { explainQuery } = await import('../cli/explain.ts');
    return explainQuery(context, args, options);
  },
};

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
