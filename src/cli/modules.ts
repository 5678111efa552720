import { readdirSync } from 'node:fs';
import type { Command } from '../commands/command.ts';
import type { ReportFormat } from '../report/report.ts';

/** Where commands come from; a test passes its own. */
export interface CommandSource {
  /** In alphabetical order. */
  names(): readonly string[];
  load(name: string): Promise<Command>;
}

/** The files of src/commands: a new command is a new file, named nowhere else. */
export const commandFolder: CommandSource = {
  names: () => modulesOf('../commands/').filter((name) => name !== 'command'),
  load: async (name) => (await import(`../commands/${name}.ts`)).command,
};

/** The formats of `--format`: one file each. */
export function reporterNames(): readonly string[] {
  return modulesOf('../report/reporters/');
}

export async function loadReporter(name: string): Promise<ReportFormat> {
  return import(`../report/reporters/${name}.ts`);
}

function modulesOf(folder: string): string[] {
  // The program runs compiled (.js), its tests run the sources (.ts).
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return readdirSync(new URL(folder, import.meta.url))
    .filter((file) => file.endsWith(extension))
    .map((file) => file.slice(0, -extension.length))
    .sort();
}
