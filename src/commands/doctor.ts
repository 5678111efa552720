import type { Command } from './command.ts';

export const command: Command = {
  summary: 'find out what is wrong with the connection and the set-up',
  description:
    "Asks in the order of the manual's flowchart (appendix E): which database it is (local or Supabase, which project, which environment), whether host, port, TLS, log-in and database are right, whether a pooler stands between, versions of server and tools, extensions, rights, the ledger, and room for backups. What is wrong comes with what to do. Nothing is written.",
  examples: ['aisha-db doctor', 'aisha-db doctor --env production', 'aisha-db doctor --format json | jq .findings'],
  database: true,
  configure() {},
  async run(context) {
    const { examine } = await import('../doctor/examine.ts');
    const { toResult } = await import('../doctor/answer.ts');
    const { storeFolder } = await import('../cli/backup.ts');
    const { answers, exitCode } = await examine({
      target: () => context.target(),
      ledger: context.config.ledger,
      store: storeFolder(context),
      binDir: context.config.backup.binDir,
      searchPath: context.env['PATH'],
      signal: context.signal,
      connected: (target, serverVersion) => context.connected(target, serverVersion),
    });
    return toResult(answers, exitCode);
  },
};
