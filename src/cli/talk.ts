import type { ChalkInstance } from 'chalk';
import type { Talk } from '../commands/command.ts';
import type { AishaError } from '../errors.ts';
import { plainLines } from '../report/plain.ts';
import { type Progress, progressBar, progressText } from '../report/progress.ts';
import { shorten } from '../report/text-width.ts';
import { describeFailure } from './failure.ts';
import type { Output } from './output.ts';
import type { Redactor } from './redact.ts';

export interface EdgeTalk extends Talk {
  /** Takes a status off the terminal: what comes next is the report. */
  clear(): void;
  /** Error, details, hint. */
  fail(failure: AishaError, chalk: ChalkInstance | undefined): void;
}

/** Back to the first column, and everything away (ECMA-48: CR, EL). */
const CLEAR_LINE = '\r\u001b[2K';

/** Between two lines of progress in a log. */
const TELL_MS = 5_000;
/** The first one comes sooner: somebody may be waiting to see whether anything happens. */
const FIRST_TELL_MS = 1_000;

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
  // The last column is left free: some terminals would begin a new line.
  const columns = (): number => (stderr.stream.columns || 80) - 1;
  const status = (line: string): void => {
    if (quiet || !interactive) return;
    const [text = ''] = plainLines(redactor.text(line));
    stderr.write(`${CLEAR_LINE}${shorten(text, columns())}`);
    hasStatus = true;
  };
  const isDue = paceOf(TELL_MS, FIRST_TELL_MS);
  const progress = (now: Progress): void => {
    if (interactive) status(progressBar(now, columns()));
    else if (!quiet && isDue(Date.now(), now.what)) say(progressText(now));
  };
  return {
    interactive,
    status,
    progress,
    clear: () => {
      const text = clear();
      if (text !== '') stderr.write(text);
    },
    info: (line) => (quiet ? undefined : say(line)),
    warn: say,
    fail: (failure, chalk) => {
      const lines = describeFailure(failure).map(({ label, text }) => paint(label, chalk) + redactor.text(text));
      stderr.write(`${clear()}${lines.join('\n')}\n`);
    },
  };
}

/** Says when the next line is due: the first one `firstMs` after work began; other work, or a pause, begins anew. */
function paceOf(everyMs: number, firstMs: number): (now: number, what: string) => boolean {
  let [askedAt, due, current] = [Number.NEGATIVE_INFINITY, 0, ''];
  return (now, what) => {
    if (what !== current || now - askedAt > everyMs) due = now + firstMs;
    [askedAt, current] = [now, what];
    if (now < due) return false;
    due = now + everyMs;
    return true;
  };
}

function paint(label: string, chalk: ChalkInstance | undefined): string {
  return chalk === undefined || label === '' ? label : (label === 'error:' ? chalk.red.bold : chalk.cyan)(label);
}
