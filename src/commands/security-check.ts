import { categoryCommand } from '../cli/diagnosis.ts';
import type { Command } from './command.ts';

const category = categoryCommand(
  'security',
  'check roles, privileges, passwords, functions, logging and secrets',
  'The checklist of the manual (12.4) as far as a database and a folder of SQL files show it; aisha-db rls-check judges its first part, row-level security. Secrets are named by place and kind, never shown.',
  'security-check',
);

export const command: Command = {
  ...category,
  configure(command) {
    category.configure(command);
    command.option('--dir <folder>', 'folder of SQL files');
  },
};
