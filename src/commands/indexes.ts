import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'indexes',
  'find indexes that are missing, unused, doubled or broken',
  'Foreign keys without an index, indexes nobody uses, duplicates and prefixes, invalid ones, and tables that are read sequentially.',
);
