import { AishaError, messageOf } from '../errors.ts';

/** What is needed of stdout and stderr. */
export interface OutputStream {
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A stream that is written to in order and whose reader may go away. */
export interface Output {
  readonly stream: OutputStream;
  write(text: string): void;
  /**
   * Resolves when everything is with the operating system.
   * @throws AishaError (usage) when it could not be written, as to a full disk
   */
  flush(): Promise<void>;
}

/** A reader that has seen enough (`| head -1`) is no failure: the rest is dropped, the run goes on. */
export function openOutput(stream: OutputStream, name: string): Output {
  const pending: Promise<void>[] = [];
  let failure: Error | undefined;
  const note = (error?: Error | null): void => {
    if (error) failure ??= error;
  };
  // Without a listener the stream's error would end the process.
  stream.on('error', note);
  const write = (text: string): void => {
    if (failure !== undefined || text === '') return;
    const { promise, resolve } = deferred();
    pending.push(promise);
    stream.write(text, (error) => {
      note(error);
      resolve();
    });
  };
  const flush = async (): Promise<void> => {
    await Promise.all(pending);
    if (failure === undefined || isReaderGone(failure)) return;
    throw new AishaError('usage', `${name} cannot be written: ${messageOf(failure)}`, {
      cause: failure,
      hint: `Check where ${name} goes to: the disk may be full.`,
    });
  };
  return { stream, write, flush };
}

function isReaderGone(error: Error): boolean {
  return ['EPIPE', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
