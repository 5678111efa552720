import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'bloat',
  'find space that tables and indexes occupy and do not need',
  'Estimated from statistics, with the share of dead rows beside it. --exact measures the largest with the extension pgstattuple, which reads them.',
);
