import type { Readable, Writable } from 'node:stream';
import { AishaError } from '../errors.ts';

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
}

/**
 * Asks one question on the terminal. It goes to stderr, since stdout is the report's.
 * @throws AishaError (usage) when stdin is no terminal or ends without an answer; (interrupted) when aborted
 */
export async function ask(question: string, { stdin, stderr }: Terminal, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  if (stdin.isTTY !== true) throw noAnswer('stdin is no terminal');
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  try {
    return await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      lines.on('close', () => reject(noAnswer('the input ended')));
      lines.on('line', resolve);
      stderr.write(question);
    });
  } finally {
    lines.close();
  }
}

/** More is not the text of an error or a list of names (bytes). */
const LONGEST_INPUT = 16 * 1024 * 1024;

/**
 * All that is piped into stdin.
 * @throws AishaError (usage) when it is a terminal, where nobody knows that something is waited for, or too long;
 * (interrupted) when aborted
 */
export async function readInput({ stdin }: Pick<Terminal, 'stdin'>, signal: AbortSignal): Promise<string> {
  if (stdin.isTTY === true) {
    throw new AishaError('usage', 'nothing is piped into stdin', {
      hint: 'Give it as an argument, or pipe it: ... | aisha-db ...',
    });
  }
  const { addAbortSignal } = await import('node:stream');
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stdin)) {
      chunks.push(Buffer.from(chunk));
      length += chunks.at(-1)!.length;
      if (length > LONGEST_INPUT)
        throw new AishaError('usage', 'stdin has more than 16 MB', { hint: 'Pipe only the part that matters.' });
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function noAnswer(reason: string): AishaError {
  return new AishaError('usage', `nobody can be asked: ${reason}`, { hint: 'Answer with an option, such as --yes.' });
}
