import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'users',
  'check the accounts of people',
  'E-mail addresses that belong to several accounts, accounts whose tenant is gone, and how roles are distributed.',
);
