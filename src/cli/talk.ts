import type { ChalkInstance } from 'chalk';
import type { Talk } from '../commands/command.ts';
import type { AishaError } from '../errors.ts';
import { plainLines } from '../report/plain.ts';
import { shorten } from '../report/text-width.ts';
import { describeFailure } from './failure.ts';
import type { Output } from './output.ts';
import type { Redactor } from './redact.ts';

export interface EdgeTalk extends Talk {
  /** Error, details, hint. */
  fail(failure: AishaError, chalk: ChalkInstance | undefined): void;
}

/** Back to the first column, and everything away (ECMA-48: CR, EL). */
const CLEAR_LINE = '\r\u001b[2K';

/** Writes to stderr, line by line; whatever the server or a file said has lost its control characters and passwords. */
export function openTalk(stderr: Output, redactor: Redactor, quiet: boolean): EdgeTalk {
  const interactive = stderr.stream.isTTY === true;
  let hasStatus = false;
  const clear = (): string => {
    const text = hasStatus ? CLEAR_LINE : '';
    hasStatus = false;
    return text;
  };
  const say = (text: string): void => stderr.write(`${clear()}${plainLines(redactor.text(text)).join('\n')}\n`);
  const status = (line: string): void => {
    if (quiet || !interactive) return;
    const [text = ''] = plainLines(redactor.text(line));
    stderr.write(`${CLEAR_LINE}${shorten(text, (stderr.stream.columns ?? 80) - 1)}`);
    hasStatus = true;
  };
  return {
    interactive,
    status,
    info: (line) => (quiet ? undefined : say(line)),
    warn: say,
    fail: (failure, chalk) => {
      const lines = describeFailure(failure).map(({ label, text }) => paint(label, chalk) + redactor.text(text));
      stderr.write(`${clear()}${lines.join('\n')}\n`);
    },
  };
}

function paint(label: string, chalk: ChalkInstance | undefined): string {
  return chalk === undefined || label === '' ? label : (label === 'error:' ? chalk.red.bold : chalk.cyan)(label);
}
