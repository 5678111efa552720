import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { Readable, Writable } from 'node:stream';
import type { CommandSource } from '../../src/cli/modules.ts';
import { main } from '../../src/cli.ts';
import type { Command } from '../../src/commands/command.ts';

export interface FakeTerminal {
  /** Columns; without them stdout and stderr are pipes. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What is typed; only a terminal has somebody who types. */
  readonly input?: string;
  /** Error of every write to stdout: the reader has gone (EPIPE), the disk is full (ENOSPC). */
  readonly stdoutFails?: string;
  /** Stands for the process: emits SIGINT and SIGTERM, notes an exit. */
  readonly process?: FakeProcess;
}

export class FakeProcess extends EventEmitter {
  exitedWith: number | undefined;

  exit(code: number): void {
    this.exitedWith = code;
  }
}

/** A command that greets; a test overrides what it is about. */
export function greet(overrides: Partial<Command> = {}): CommandSource {
  const command: Command = {
    summary: 'greet somebody',
    examples: ['aisha-db greet Aisha --loud'],
    database: true,
    configure: (parser) => {
      parser.argument('[name]', 'who').option('--loud', 'in capitals').option('--times <number>', 'how often');
    },
    run: async () => ({ text: 'Good morning.' }),
    ...overrides,
  };
  return { names: () => ['greet'], load: async () => command };
}

/** Calls the program in this process, without a server and without a real terminal. */
export async function run(argv: readonly string[], commands: CommandSource, terminal: FakeTerminal = {}) {
  const stdout = new Memory(terminal.columns, terminal.stdoutFails);
  const stderr = new Memory(terminal.columns);
  const stdin = Object.assign(Readable.from(terminal.input === undefined ? [] : [terminal.input]), {
    isTTY: terminal.input !== undefined,
  });
  const options = { commands, cwd: terminal.cwd ?? tmpdir(), process: terminal.process ?? new FakeProcess() };
  const code = await main(argv, terminal.env ?? {}, { stdin, stdout, stderr }, options);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Memory extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  readonly #fails: string | undefined;

  constructor(columns: number | undefined, fails?: string) {
    super({ decodeStrings: false });
    this.isTTY = columns !== undefined;
    this.columns = columns ?? 80;
    this.#fails = fails;
  }

  override _write(chunk: string, _encoding: string, done: (error?: Error) => void): void {
    const code = this.#fails;
    if (code === undefined) this.text += chunk;
    done(code === undefined ? undefined : Object.assign(new Error(`${code}: the words for it, write`), { code }));
  }
}
