import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'schema',
  'check keys, types and constraints',
  'Tables without a primary key, sequences and integer columns that run out, tenant columns that are absent, of another type or without an index, columns named like foreign keys without one, constraints that were never validated, timestamps without a time zone.',
);
