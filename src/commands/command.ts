import type { Command as Commander } from 'commander';
import type { Config } from '../config.ts';
import type { ErrorKind } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import type { Progress } from '../report/progress.ts';
import type { CommandResult, Severity } from '../report/report.ts';

/** The talk of a run: stderr. Reports never go here, and nothing but this and the reporters writes. */
export interface Talk {
  /** A line for people: progress, notices, plans. Silent with --quiet. */
  info(line: string): void;
  /** A line that --quiet does not silence. */
  warn(line: string): void;
  /** How far long work is: a line that the next one replaces. Only on a terminal, and silent with --quiet. */
  status(line: string): void;
  /** The same with a bar; where stderr is no terminal a line now and then, so that a log shows that it goes on. */
  progress(progress: Progress): void;
  /** True when stderr is a terminal, where a status is seen. */
  readonly interactive: boolean;
}

/** What a command may use of the world: nothing else reads the environment, the clock of the terminal or the arguments. */
export interface Context {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly talk: Talk;
  readonly quiet: boolean;
  /** Asks on the terminal; rejects (usage) when there is none. */
  ask(question: string): Promise<string>;
  /** All that is piped into stdin; rejects (usage) when it is a terminal. */
  input(): Promise<string>;
  /**
   * Asks before anything destructive, unless --yes or --confirm answered already.
   * @throws AishaError (connection: the target is refused) when the answer is another one or nobody can be asked
   */
  confirm(target: Target): Promise<void>;
  /** Aborted by SIGINT, SIGTERM or --timeout: finish the undo, release the lock, stop. */
  readonly signal: AbortSignal;
  /** Where to connect; throws AishaError (usage) when nothing names a database. Announces the target on stderr. */
  target(): Promise<Target>;
  /** Records the server for the report, once it is known. */
  connected(target: Target, serverVersion: string): void;
}

/** One command of the program: wiring only. The file name is the command's name. */
export interface Command {
  /** One line of the list of commands: lower case, no full stop. */
  readonly summary: string;
  /** Paragraphs for `--help` and the command's page: what the summary leaves out. */
  readonly description?: string;
  /** Shown below the options in `--help`; each line starts with `aisha-db`. */
  readonly examples: readonly string[];
  /** False for commands that never talk to a database: they get no connection options. */
  readonly database: boolean;
  /** Kinds of failure of its own, for `--help`; those that every command can have are known. */
  readonly failures?: readonly ErrorKind[];
  /** Severity from which a finding makes the exit code 1, unless --fail-on says otherwise; `warning` when absent. */
  readonly failOn?: Severity;
  /** What the first argument can be, for the shell to offer. */
  words?(): readonly string[];
  /** Adds arguments and options. */
  configure(command: Commander): void;
  run(context: Context, args: readonly string[], options: Readonly<Record<string, unknown>>): Promise<CommandResult>;
}
