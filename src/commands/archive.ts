import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'archive',
  'check archived sessions of agents',
  'Sessions that were archived more than once, and archived events whose session was not.',
);
