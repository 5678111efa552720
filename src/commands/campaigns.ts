import { categoryCommand } from '../cli/diagnosis.ts';

export const command = categoryCommand(
  'campaigns',
  'check AI campaigns and what they refer to',
  'Status and type, the metadata that each type needs, and integrations that are inactive or belong to another tenant.',
);
