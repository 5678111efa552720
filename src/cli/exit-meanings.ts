import { type ErrorKind, EXIT } from '../errors.ts';

type Outcome = keyof typeof EXIT;

/** What each exit code tells a script. */
export const MEANINGS: Readonly<Record<Outcome, string>> = {
  ok: 'done, nothing at or above --fail-on',
  findings: 'findings at or above --fail-on, or a check that could not be decided',
  usage: 'usage or configuration',
  connection: 'no connection, or a target that is refused',
  plan: 'the plan is invalid: a duplicate, a missing dependency, out of order, a file that can never run',
  changed: 'an applied file was changed or is missing',
  lock: 'lock not acquired in time',
  rolledBack: 'migration failed and was rolled back: nothing of it remains',
  partial: 'migration failed part-way: what ran is recorded, run again to resume',
  rlsGate: 'refused by the RLS gate',
  backup: 'backup, verification or restore failed',
  tool: 'a needed client tool is missing or has the wrong version',
  defect: 'a defect of the program: stack and where to report it',
  interrupted: 'interrupted; the database is as it was before the file in hand',
};

const OF_ALL: readonly Outcome[] = ['ok', 'findings', 'usage', 'defect', 'interrupted'];
const OF_DATABASES: readonly Outcome[] = ['connection', 'tool'];

/** The codes that a command can end with, in their order. */
export function exitCodesOf(command: {
  readonly database: boolean;
  readonly failures?: readonly ErrorKind[];
}): Outcome[] {
  const possible = new Set<Outcome>([
    ...OF_ALL,
    ...(command.database ? OF_DATABASES : []),
    ...(command.failures ?? []),
  ]);
  return outcomes().filter((outcome) => possible.has(outcome));
}

/** Every outcome, ordered by exit code. */
export function outcomes(): Outcome[] {
  return (Object.keys(EXIT) as Outcome[]).sort((a, b) => EXIT[a] - EXIT[b]);
}
