import { relative } from 'node:path';
import { authorFromGit } from '../cli/author.ts';
import { migrationSource } from '../cli/migration.ts';
import { scaffold } from '../migrations/scaffold.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'write the next numbered file with its header filled in',
  description:
    'Takes the next free number of the folder, writes the header of the manual (author from git, date, dependency on the latest file), and with --rollback its partner.',
  examples: [
    'aisha-db new add_task_management',
    'aisha-db new "Add task management" --rollback',
    'aisha-db new add_index --dir db/migrations',
  ],
  database: false,
  configure(command) {
    command
      .argument('<name>', 'what the migration does')
      .option('--dir <folder>', 'folder of SQL files')
      .option('--rollbacks-dir <folder>', 'folder of ROLLBACK files')
      .option('--rollback', 'also write the file that undoes it')
      .option('--author <author>', 'author of the header; from git when absent');
  },
  async run(context, args, options) {
    const files = await scaffold(migrationSource(context), {
      name: args[0]!,
      rollback: options['rollback'] === true,
      author: (options['author'] as string | undefined) ?? authorFromGit(context.cwd),
      date: new Date().toLocaleDateString('sv-SE'),
      dependsOn: undefined,
    });
    const shown = files.map((file) => relative(context.cwd, file));
    return { text: `wrote ${shown.join(' and ')}`, data: { files: shown } };
  },
};
