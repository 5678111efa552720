import type { Command } from '../commands/command.ts';
import { modulesIn } from '../modules-in.ts';
import type { ReportFormat } from '../report/report.ts';

/** Where commands come from; a test passes its own. */
export interface CommandSource {
  /** In alphabetical order. */
  names(): readonly string[];
  load(name: string): Promise<Command>;
}

/** The files of src/commands: a new command is a new file, named nowhere else. */
export const commandFolder: CommandSource = {
  names: () => modulesIn(new URL('../commands/', import.meta.url)).filter((name) => name !== 'command'),
  load: async (name) => (await import(`../commands/${name}.ts`)).command,
};

/** The formats of `--format`: one file each. */
export function reporterNames(): readonly string[] {
  return modulesIn(new URL('../report/reporters/', import.meta.url));
}

export async function loadReporter(name: string): Promise<ReportFormat> {
  return import(`../report/reporters/${name}.ts`);
}
