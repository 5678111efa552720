import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'vacuum',
  'check that vacuum keeps up and transaction ids do not run out',
  'Settings of autovacuum, tables past their threshold, last runs, and the distance to wraparound.',
);
