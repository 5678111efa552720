import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'capacity',
  'show sizes, memory, and how long the disk will do',
  'Sizes of the database and its largest tables, the share of pages found in memory, checkpoints that come too often, and the limits of the Supabase tier.',
);
