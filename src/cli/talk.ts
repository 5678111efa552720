import type { ChalkInstance } from 'chalk';
import type { Talk } from '../commands/command.ts';
import type { AishaError } from '../errors.ts';
import { plainLines } from '../report/plain.ts';
import { describeFailure } from './failure.ts';
import type { Output } from './output.ts';
import type { Redactor } from './redact.ts';

export interface EdgeTalk extends Talk {
  /** Error, details, hint. */
  fail(failure: AishaError, chalk: ChalkInstance | undefined): void;
}

/** Writes to stderr, line by line; whatever the server or a file said has lost its control characters and passwords. */
export function openTalk(stderr: Output, redactor: Redactor, quiet: boolean): EdgeTalk {
  const say = (text: string): void => stderr.write(`${plainLines(redactor.text(text)).join('\n')}\n`);
  return {
    interactive: stderr.stream.isTTY === true,
    info: (line) => (quiet ? undefined : say(line)),
    warn: say,
    fail: (failure, chalk) => {
      const lines = describeFailure(failure).map(({ label, text }) => paint(label, chalk) + redactor.text(text));
      stderr.write(`${lines.join('\n')}\n`);
    },
  };
}

function paint(label: string, chalk: ChalkInstance | undefined): string {
  return chalk === undefined || label === '' ? label : (label === 'error:' ? chalk.red.bold : chalk.cyan)(label);
}
