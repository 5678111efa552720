import type { Command as Commander } from 'commander';
import type { Command } from '../commands/command.ts';
import { didYouMean } from '../did-you-mean.ts';
import { parseDuration } from '../duration.ts';
import { AishaError } from '../errors.ts';
import { SEVERITIES, type Severity } from '../report/report.ts';
import { reporterNames } from './modules.ts';

/** What every command may be told, checked. */
export interface GlobalOptions {
  readonly format: string;
  /** File for the report in place of stdout. */
  readonly output: string | undefined;
  readonly failOn: Severity;
  readonly unknownAs: Severity;
  readonly quiet: boolean;
  /** False with --no-color; whether there is colour then depends on the terminal. */
  readonly color: boolean;
  readonly timeout: { readonly milliseconds: number; readonly text: string } | undefined;
  readonly config: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly env: string | undefined;
  readonly embedded: boolean;
  readonly yes: boolean;
  readonly confirm: string | undefined;
}

export const DEFAULT_FORMAT = 'table';

const DEFAULT_SEVERITY: Severity = 'warning';

/** Adds the options of every command, in groups, behind the command's own. */
export function addGlobalOptions(parser: Commander, { database, failOn = DEFAULT_SEVERITY }: Command): void {
  if (database) addConnectionOptions(parser);
  parser
    .optionsGroup('Report:')
    .option('--format <name>', reporterNames().join(', '), DEFAULT_FORMAT)
    .option('--output <file>', 'write the report to a file, whole or not at all')
    .option('--fail-on <severity>', 'lowest severity of a finding that makes the exit code 1', failOn)
    .option('--unknown-as <severity>', 'what a check counts as that could not be decided', DEFAULT_SEVERITY)
    .optionsGroup('General:')
    .option('--config <file>', 'configuration to read in place of aisha-db.config.json')
    .option('--timeout <duration>', 'stop the run after this time, such as 30s or 5min')
    .option('--quiet', 'no progress and no notices on stderr')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .helpOption('-h, --help', 'show this help');
}

function addConnectionOptions(parser: Commander): void {
  parser
    .optionsGroup('Connection:')
    .option('--database-url <url>', 'database to use: postgres://USER:PASSWORD@HOST:PORT/DATABASE')
    .option('--env <name>', 'environment of the configuration to use')
    .option('--embedded', 'use a private server under the state folder of the project')
    .option('--yes', 'answer questions with yes')
    .option('--confirm <name>', 'confirm a destructive run by the name of the environment or database');
}

/** @throws AishaError (usage) with every option at once that cannot be understood */
export function readGlobalOptions(given: Readonly<Record<string, unknown>>): GlobalOptions {
  const problems: AishaError[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof AishaError)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const text = (name: string): string | undefined => (typeof given[name] === 'string' ? given[name] : undefined);
  const format = attempt(() => readFormat(text('format') ?? DEFAULT_FORMAT));
  const failOn = attempt(() => readSeverity(text('failOn') ?? DEFAULT_SEVERITY, '--fail-on'));
  const unknownAs = attempt(() => readSeverity(text('unknownAs') ?? DEFAULT_SEVERITY, '--unknown-as'));
  const timeout = attempt(() => readTimeout(text('timeout')));
  attempt(() => refuseTwoDatabases(given));
  if (format === undefined || failOn === undefined || unknownAs === undefined || problems.length > 0) {
    throw joinProblems(problems);
  }
  return {
    format,
    failOn,
    unknownAs,
    timeout,
    output: text('output'),
    quiet: given['quiet'] === true,
    color: given['color'] !== false,
    config: text('config'),
    databaseUrl: text('databaseUrl'),
    env: text('env'),
    embedded: given['embedded'] === true,
    yes: given['yes'] === true,
    confirm: text('confirm'),
  };
}

/** One error is thrown as it is; several become the details of one. */
export function joinProblems(problems: readonly AishaError[]): AishaError {
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) return first;
  return new AishaError('usage', `${problems.length} options cannot be understood`, {
    details: problems.map(({ message, hint }) => (hint === undefined ? message : `${message}: ${hint}`)),
    hint: 'Correct them all; --help lists the options of a command.',
  });
}

function readFormat(name: string): string {
  if (name === DEFAULT_FORMAT) return name;
  return oneOf(name, reporterNames(), '--format');
}

function readSeverity(name: string, option: string): Severity {
  return oneOf(name, SEVERITIES, option);
}

function oneOf<T extends string>(value: string, known: readonly T[], option: string): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const meant = didYouMean(value, known);
  const hint =
    meant === undefined
      ? `Choose one of ${known.join(', ')}.`
      : `Did you mean ${meant}? Known are ${known.join(', ')}.`;
  throw new AishaError('usage', `${option} "${value}" is not known`, { hint });
}

function readTimeout(text: string | undefined): GlobalOptions['timeout'] {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text, '--timeout');
  return milliseconds === 0 ? undefined : { milliseconds, text };
}

function refuseTwoDatabases(given: Readonly<Record<string, unknown>>): void {
  const other = { '--database-url': given['databaseUrl'], '--env': given['env'] };
  const [named] = Object.entries(other).find(([, value]) => value !== undefined) ?? [];
  if (given['embedded'] !== true || named === undefined) return;
  throw new AishaError('usage', `--embedded and ${named} name two databases`, { hint: 'Keep the one that is meant.' });
}
