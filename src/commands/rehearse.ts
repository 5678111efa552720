import type { Command } from './command.ts';

export const command: Command = {
  summary: 'try the pending migrations on a copy of the database, and report what they do',
  description: [
    'Takes a backup (or the one that is named), restores it into a scratch server that no network reaches, and applies the pending files there with the settings of the real run. Reports of each file: time, locks and who waits for them, tables written anew or read whole, rows changed, size, changes of the catalog, and what rls-check --prove and diagnose find that they did not find before; then runs the tests of the application against the copy, and rolls every file that has a rollback back and forth again.',
    'Nothing leaves the copy: functions of pg_net, pg_cron and dblink are stubs whose calls are listed, and foreign tables have no handler. With --into the copy is made in a named database of a server that is there, by a superuser or a role that may create databases (what it cannot hold back is refused or named): the database is dropped and made anew after a confirmation, never the target nor a protected one, and stays. The report is kept; aisha-db migrate --require-rehearsal refuses when plan, settings, catalog or server are no longer those of it. See docs/rehearse.md.',
  ].join('\n\n'),
  examples: [
    'aisha-db rehearse --env production',
    'aisha-db rehearse --backup latest',
    'aisha-db rehearse --env production --run "npm test"',
    'aisha-db rehearse --env production --into development --plan',
  ],
  database: true,
  failures: ['plan', 'changed', 'backup', 'lock'],
  failOn: 'critical',
  configure(command) {
    command
      .option('--dir <folder>', 'folder of SQL files')
      .option('--rollbacks-dir <folder>', 'folder of ROLLBACK files')
      .option('--store <folder>', 'folder of the backups')
      .option('--backup <id>', 'rehearse on this backup (or its beginning, or latest) in place of a new one')
      .option(
        '--into <name>',
        'make the copy in this database: an environment, a database of the server, or a connection string',
      )
      .option('--plan', 'show what would be done; write nothing')
      .option('--run <command>', "the application's tests: a shell command that gets DATABASE_URL of the copy")
      .option('--allow-out-of-order', 'also files that come before one already applied')
      .option('--strict-gate', 'refuse a file at once that makes a table without row-level security')
      .option('--lock-timeout <duration>', 'how long a statement may wait for a lock')
      .option('--statement-timeout <duration>', 'how long a statement may run');
  },
  async run(context, _args, options) {
    const { rehearsePending } = await import('../cli/rehearsal.ts');
    return rehearsePending(context, {
      backup: options['backup'] as string | undefined,
      command: options['run'] as string | undefined,
      allowOutOfOrder: options['allowOutOfOrder'] === true,
      into: options['into'] as string | undefined,
      plan: options['plan'] === true,
      strictGate: options['strictGate'] === true,
    });
  },
};
