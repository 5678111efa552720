import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'connections',
  'show who is connected, what waits and what blocks',
  'Connections by state, role and application, how near their number is to the limit, sessions that are idle in a transaction, long ones, and who blocks whom.',
);
