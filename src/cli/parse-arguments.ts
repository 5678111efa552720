import type { Command as Commander, CommanderError } from 'commander';
import type { Command } from '../commands/command.ts';
import { didYouMean } from '../did-you-mean.ts';
import { AishaError } from '../errors.ts';
import { addGlobalOptions, type GlobalOptions, joinProblems, readGlobalOptions } from './global-options.ts';
import type { CommandSource } from './modules.ts';

/** What the command line asks for: a command with its arguments, or its help. */
export interface Invocation {
  readonly name: string;
  readonly command: Command;
  readonly args: readonly string[];
  /** The command's own options and the global ones, as commander names them (`lockTimeout`). */
  readonly options: Readonly<Record<string, unknown>>;
  readonly global: GlobalOptions;
}

export interface HelpRequest {
  readonly name: string;
  readonly helpFor: Command;
}

/** @throws AishaError (usage) when the arguments cannot be understood */
export async function parseArguments(
  argv: readonly string[],
  commands: CommandSource,
): Promise<Invocation | HelpRequest> {
  const [name = '', ...args] = argv;
  if (!commands.names().includes(name)) throw unknownCommand(name, commands.names());
  const command = await commands.load(name);
  const parser = await createParser(name, command);
  try {
    parser.parse(args, { from: 'user' });
  } catch (error) {
    if ((error as CommanderError).code === 'commander.helpDisplayed') return { name, helpFor: command };
    throw explain(error, await createParser(name, command), args);
  }
  refuseSwallowedOptions(parser, args);
  return { name, command, args: parser.args, options: parser.opts(), global: readGlobalOptions(parser.opts()) };
}

/** The commander command of a command: its own options first, then the global ones. Prints nothing, exits never. */
export async function createParser(name: string, command: Command): Promise<Commander> {
  const commander = await import('commander');
  const parser = new commander.Command(`aisha-db ${name}`)
    .description(describe(command))
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  command.configure(parser);
  addGlobalOptions(parser, command);
  return parser;
}

/** The format that a run would have had whose arguments cannot be understood: its error is still to be written so. */
export function guessFormat(argv: readonly string[]): string | undefined {
  const index = argv.findLastIndex((arg) => arg === '--format' || arg.startsWith('--format='));
  return argv[index]?.includes('=') ? argv[index].slice('--format='.length) : argv[index + 1];
}

function describe({ summary, description }: Command): string {
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return description === undefined ? sentence : `${sentence}\n\n${description}`;
}

function unknownCommand(name: string, known: readonly string[]): AishaError {
  if (name.startsWith('-')) {
    return new AishaError('usage', `the command is missing before "${name.split('=')[0]}"`, {
      hint: 'Write aisha-db <command>, then its options; aisha-db --help lists the commands.',
    });
  }
  const meant = didYouMean(name, known);
  const suggestion = meant === undefined ? '' : `Did you mean ${meant}? `;
  return new AishaError('usage', `unknown command "${name}"`, {
    hint: `${suggestion}aisha-db --help lists the commands.`,
  });
}

/** Commander's error in our words. `fresh` has not parsed yet: it finds all unknown options, not only the first. */
function explain(error: unknown, fresh: Commander, args: readonly string[]): unknown {
  const { code, message } = error as CommanderError;
  if (typeof code !== 'string' || !code.startsWith('commander.')) return error;
  const help = `${fresh.name()} --help shows what it takes.`;
  if (code === 'commander.unknownOption') return joinProblems(unknownOptions(fresh, args));
  if (code === 'commander.excessArguments') return excessArguments(fresh, args);
  const [problem = '', advice] = splitAdvice(message.replace(/^error: /, '').replaceAll("'", '"'));
  return new AishaError('usage', problem.replace(/" argument missing$/, '" needs a value'), { hint: advice ?? help });
}

/** `… is invalid. Allowed choices are a, b.` */
function splitAdvice(message: string): string[] {
  const [, problem, advice] = /^(.* is invalid)\. (.+)$/s.exec(message) ?? [];
  return problem === undefined || advice === undefined ? [message] : [problem, advice];
}

function unknownOptions(fresh: Commander, args: readonly string[]): AishaError[] {
  const known = fresh
    .createHelp()
    .visibleOptions(fresh)
    .flatMap((option) => option.long ?? []);
  const unknown = fresh.parseOptions([...args]).unknown.filter((arg) => /^-./.test(arg) && arg !== '--');
  return unknown.map((arg) => {
    // What follows = may be a password that was given to a mistyped option.
    const option = arg.split('=')[0] ?? arg;
    const meant = didYouMean(option, known);
    const hint = meant === undefined ? `${fresh.name()} --help lists the options.` : `Did you mean ${meant}?`;
    return new AishaError('usage', `unknown option "${option}"`, { hint });
  });
}

function excessArguments(fresh: Commander, args: readonly string[]): AishaError {
  const { operands } = fresh.parseOptions([...args]);
  const excess = operands.slice(fresh.registeredArguments.length).map((operand) => `"${operand}"`);
  return new AishaError('usage', `unexpected ${excess.length === 1 ? 'argument' : 'arguments'} ${excess.join(', ')}`, {
    hint: `Usage: ${fresh.name()} ${fresh.usage()}.`,
  });
}

/** `--output --quiet` would write a file of that name, `--database-url "$UNSET"` go to the next database in line. */
function refuseSwallowedOptions(parser: Commander, args: readonly string[]): void {
  const problems = parser.options.flatMap((option) => {
    const value: unknown = parser.getOptionValue(option.attributeName());
    const isSwallowed = typeof value === 'string' && option.required && value.startsWith('--') && args.includes(value);
    if (!isSwallowed && !(value === '' && option.required)) return [];
    const hint =
      value === '' ? 'It was given an empty text: is a variable not set?' : `"${value}" is an option itself.`;
    return [new AishaError('usage', `${option.long} needs a value`, { hint })];
  });
  if (problems.length > 0) throw joinProblems(problems);
}
