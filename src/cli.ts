import type { RunFacts } from './cli/compose-report.ts';
import { openContext } from './cli/context.ts';
import { deliver, type Presentation } from './cli/deliver.ts';
import {
  complain,
  type Edge,
  type EdgeOptions,
  type Environment,
  flush,
  openEdge,
  type Streams,
  understandError,
} from './cli/edge.ts';
import { DEFAULT_FORMAT } from './cli/global-options.ts';
import { watchDefects, watchInterruption } from './cli/interruption.ts';
import { type CommandSource, commandFolder, reporterNames } from './cli/modules.ts';
import { guessFormat, type HelpRequest, type Invocation, parseArguments } from './cli/parse-arguments.ts';
import { type EdgeTalk, openTalk } from './cli/talk.ts';
import { version } from './cli/version.ts';
import { AishaError, EXIT } from './errors.ts';
import type { CommandResult } from './report/report.ts';

// What most runs do not need is imported where it is needed: each file costs about a millisecond.

/** The text of `aisha-db --help`. */
export async function rootHelp(commands: CommandSource = commandFolder): Promise<string> {
  return (await import('./cli/help.ts')).rootHelp(commands);
}

/** Arguments in, exit code out. Everything is written when the promise resolves; it never rejects. */
export async function main(
  argv: readonly string[],
  env: Environment,
  streams: Streams,
  options: EdgeOptions = {},
): Promise<number> {
  const edge = openEdge(env, streams, options);
  const exitCode = await answer(argv, edge).catch((error) => complain(error, edge));
  const writeFailure = await flush(edge);
  return exitCode || writeFailure;
}

async function answer(argv: readonly string[], edge: Edge): Promise<number> {
  const [first] = argv;
  if (first === '--version' || first === '-V') return print(`${version()}\n`, edge);
  if (first === undefined || (argv.length === 1 && isHelp(first))) return print(await rootHelp(edge.commands), edge);
  if (isHelp(first) && argv.length === 2 && !edge.commands.names().includes(argv[1]!))
    return printTopic(argv[1]!, edge);
  const request = await understand(isHelp(first) ? [...argv.slice(1), '--help'] : argv, edge);
  if (request instanceof AishaError) return refuse(request, argv, edge);
  if ('helpFor' in request) return print(await commandHelp(request, edge), edge);
  return runCommand(request, edge);
}

async function printTopic(name: string, edge: Edge): Promise<number> {
  const { topicHelp } = await import('./cli/topics.ts');
  return print(topicHelp(name, edge.commands.names()), edge);
}

function isHelp(argument: string): boolean {
  return ['--help', '-h', 'help'].includes(argument);
}

async function commandHelp({ name, helpFor }: HelpRequest, { streams: { stdout } }: Edge): Promise<string> {
  const help = await import('./cli/help.ts');
  return help.commandHelp(name, helpFor, Math.min(stdout.columns || 80, 100));
}

function print(text: string, edge: Edge): number {
  edge.stdout.write(text);
  return EXIT.ok;
}

async function understand(argv: readonly string[], edge: Edge): Promise<Invocation | HelpRequest | AishaError> {
  try {
    return await parseArguments(argv, edge.commands);
  } catch (error) {
    return understandError(error, edge);
  }
}

/** The arguments are not understood: the error comes in the format that was asked for, as far as that can be told. */
async function refuse(error: AishaError, argv: readonly string[], edge: Edge): Promise<number> {
  const guess = guessFormat(argv);
  const format = guess !== undefined && reporterNames().includes(guess) ? guess : DEFAULT_FORMAT;
  const color = !argv.includes('--no-color');
  const how: Presentation = { format, output: undefined, failOn: 'warning', unknownAs: 'warning', color };
  const command = edge.commands.names().find((name) => name === argv[0]) ?? '';
  return deliver({ error }, factsOf(command, undefined, edge), how, openTalk(edge.stderr, edge.redactor, false), edge);
}

async function runCommand(invocation: Invocation, edge: Edge): Promise<number> {
  const { name, global } = invocation;
  const talk = openTalk(edge.stderr, edge.redactor, global.quiet);
  const interruption = watchInterruption({ process: edge.process, timeout: global.timeout, onSignal: talk.warn });
  const defects = watchDefects(edge.process);
  const defect = defects.thrown.then(
    (error): Run => ({ result: { error: understandError(error, edge) }, target: undefined }),
  );
  try {
    const { result, target } = await Promise.race([execute(invocation, talk, interruption.signal, edge), defect]);
    return await deliver(result, factsOf(name, target, edge), global, talk, edge);
  } finally {
    interruption.stop();
    defects.stop();
  }
}

interface Run {
  readonly result: CommandResult;
  readonly target: RunFacts['target'];
}

/** Runs the command; whatever it throws, or an interruption it passed over, becomes the error of its result. */
async function execute(invocation: Invocation, talk: EdgeTalk, signal: AbortSignal, edge: Edge): Promise<Run> {
  const { command, args, options, global } = invocation;
  const { cwd, env, redactor, streams } = edge;
  const ask = async (question: string) => {
    talk.clear();
    return (await import('./cli/ask.ts')).ask(question, streams, signal);
  };
  const input = async () => (await import('./cli/ask.ts')).readInput(streams, signal);
  const world = { cwd, env, talk, signal, redactor, ask, input };
  let target: () => RunFacts['target'] = () => undefined;
  try {
    if (global.output !== undefined) await (await import('./cli/report-file.ts')).checkReportFile(global.output, cwd);
    const opened = await openContext(invocation, world);
    target = opened.target;
    // A command listens for an abort to come; one that has come already it would wait for in vain.
    if (signal.aborted) await opened.close();
    signal.throwIfAborted();
    const result = await command.run(opened.context, args, options).finally(opened.close);
    const isCutShort = signal.aborted && result.stopped !== true;
    const error = isCutShort ? understandError(result.error ?? signal.reason, edge, signal) : result.error;
    return { result: error === undefined ? result : { ...result, error }, target: target() };
  } catch (error) {
    return { result: { error: understandError(error, edge, signal) }, target: target() };
  }
}

function factsOf(command: string, target: RunFacts['target'], { startedAt }: Edge): RunFacts {
  return { command, version: version(), target, startedAt, durationMs: Date.now() - startedAt.getTime() };
}
