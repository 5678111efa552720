/** An option as a shell offers it. */
export interface OptionWord {
  /** `--format` */
  readonly flag: string;
  readonly description: string;
  /** It is followed by a value. */
  readonly takesValue: boolean;
  /** The values there are; none: a file name is offered. */
  readonly values: readonly string[];
}

/** A command as a shell offers it. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWord[];
  /** What its first argument can be; none: a file name is offered. */
  readonly first: readonly string[];
}

/** Writes the script of one shell; pure. */
export type ShellScript = (commands: readonly CommandWords[]) => string;

/** A text in single quotes, for bash, zsh and fish alike when it has no single quote and no backslash of its own. */
export function plainQuote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '’')}'`;
}
