// Fills a database with invented data: npm run seed -- --help. All the ways of the program (targets, protected
// environments, reports, exit codes) with a command that is none of its own: src/seed/command.ts says why.
import { main } from '../build/cli.js';
import { command } from '../build/seed/command.js';

process.exitCode = await main(['seed', ...process.argv.slice(2)], process.env, process, {
  commands: { names: () => ['seed'], load: async () => command },
});
