import type { Command as Commander } from 'commander';

/** Shows the plan: every command that changes something has it. */
export function dryRunOption(command: Commander): void {
  command.option('--dry-run', 'only show the statements, what they lock and about how long they take');
}

/** When the run has to be over. */
export function windowOptions(command: Commander): void {
  command
    .option('--until <time>', 'begin nothing that does not fit, and stop at this time of day, such as 05:00')
    .option('--max-duration <duration>', 'the same after this long, such as 2h');
}
