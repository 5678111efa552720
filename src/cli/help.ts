import type { Command } from '../commands/command.ts';
import { EXIT } from '../errors.ts';
import { wrap } from '../report/text-width.ts';
import { exitCodesOf, MEANINGS } from './exit-meanings.ts';
import { type CommandSource, commandFolder } from './modules.ts';
import { readPackage } from './package-json.ts';
import { createParser } from './parse-arguments.ts';
import { topics } from './topics.ts';

/** The text of `aisha-db --help`: every command with its summary. */
export async function rootHelp(commands: CommandSource = commandFolder): Promise<string> {
  const { description } = readPackage();
  const names = commands.names();
  const width = Math.max(0, ...names.map((name) => name.length));
  const summaries = await Promise.all(names.map(async (name) => (await commands.load(name)).summary));
  return [
    description,
    '',
    'Usage: aisha-db <command> [options]',
    '',
    'Commands:',
    ...names.map((name, index) => `  ${name.padEnd(width)}  ${summaries[index]}`),
    '',
    'Options:',
    '  -h, --help     show this help; aisha-db <command> --help shows that of a command',
    '  -V, --version  show the version',
    '',
    `Topics, by aisha-db help <topic>: ${topics()
      .map((topic) => topic.name)
      .join(', ')}`,
    '',
  ].join('\n');
}

/** The text of `aisha-db COMMAND --help`. Width in columns. */
export async function commandHelp(name: string, command: Command, width: number): Promise<string> {
  const parser = await createParser(name, command);
  parser.configureHelp({ helpWidth: width });
  const codes = exitCodesOf(command).flatMap((outcome) => describeCode(outcome, width));
  return [
    parser.helpInformation(),
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
    'Exit codes:',
    ...codes,
    '',
  ].join('\n');
}

function describeCode(outcome: keyof typeof EXIT, width: number): string[] {
  const [first = '', ...more] = wrap(MEANINGS[outcome], width - 7);
  return [`  ${String(EXIT[outcome]).padEnd(5)}${first}`, ...more.map((line) => `       ${line}`)];
}
