import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'stats',
  'check what the planner knows about the data',
  'Tables whose statistics are stale or missing, and since when the server counts.',
);
