import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'queries',
  'show what the database spends its time on',
  'Slowest queries by mean and by total time, most frequent ones, those that spill to disk; from pg_stat_statements.',
);
