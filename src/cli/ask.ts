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

function noAnswer(reason: string): AishaError {
  return new AishaError('usage', `nobody can be asked: ${reason}`, { hint: 'Answer with an option, such as --yes.' });
}
