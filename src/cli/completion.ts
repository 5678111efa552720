import type { Option } from 'commander';
import { bash } from '../completion/bash.ts';
import { fish } from '../completion/fish.ts';
import type { CommandWords, OptionWord, ShellScript } from '../completion/words.ts';
import { zsh } from '../completion/zsh.ts';
import { SEVERITIES } from '../report/report.ts';
import { type CommandSource, commandFolder, reporterNames } from './modules.ts';
import { createParser } from './parse-arguments.ts';
import { topics } from './topics.ts';

/** The shells there are scripts for. */
export const SHELLS: Readonly<Record<string, ShellScript>> = { bash, zsh, fish };

/** Values of options that every command has. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  '--format': reporterNames,
  '--fail-on': () => SEVERITIES,
  '--unknown-as': () => SEVERITIES,
};

/** What a shell may offer, from the commands themselves: a new option is offered without being named anywhere else. */
export async function completionWords(commands: CommandSource = commandFolder): Promise<CommandWords[]> {
  const names = commands.names();
  const help = {
    name: 'help',
    summary: 'show the help of a command or a topic',
    options: [],
    first: [...names, 'topics', ...topics().map(({ name }) => name)],
  };
  return [...(await Promise.all(names.map((name) => wordsOf(name, commands)))), help];
}

async function wordsOf(name: string, commands: CommandSource): Promise<CommandWords> {
  const command = await commands.load(name);
  const parser = await createParser(name, command);
  const options = parser.createHelp().visibleOptions(parser);
  return { name, summary: command.summary, options: options.flatMap(toWord), first: command.words?.() ?? [] };
}

function toWord({ long, description, required, optional, argChoices }: Option): OptionWord[] {
  if (typeof long !== 'string') return [];
  const values = argChoices ?? VALUES[long]?.() ?? [];
  return [{ flag: long, description, takesValue: required || optional, values }];
}
