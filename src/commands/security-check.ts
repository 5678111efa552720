import { categoryCommand } from '../cli/diagnosis.ts';
import type { Command } from './command.ts';

export const command: Command = {
  ...categoryCommand(
    'security',
    'check roles, privileges, passwords, functions, logging and secrets',
    'The checklist of the manual (12.4) as far as a database and a folder of SQL files show it; aisha-db rls-check judges its first part, row-level security. Secrets are named by place and kind, never shown.',
    'security-check',
  ),
  configure(command) {
    command.option('--dir <folder>', 'folder of SQL files');
  },
};
