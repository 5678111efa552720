import { AishaError, EXIT } from '../errors.ts';

/** What is needed of the process: a test passes its own. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: (signal: NodeJS.Signals) => void): unknown;
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: (signal: NodeJS.Signals) => void): unknown;
  off(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
  exit(code: number): void;
}

export interface Interruption {
  /** Aborted with the AishaError (interrupted) that says why. */
  readonly signal: AbortSignal;
  /** Takes the listeners back. */
  stop(): void;
}

export interface InterruptionOptions {
  readonly process: SignalSource;
  readonly timeout?: { readonly milliseconds: number; readonly text: string } | undefined;
  /** Tells the user that the first signal was heard. */
  readonly onSignal: (line: string) => void;
}

/** SIGINT, SIGTERM and --timeout ask the run to stop; a second signal ends the process at once. */
export function watchInterruption({ process, timeout, onSignal }: InterruptionOptions): Interruption {
  const controller = new AbortController();
  const onFirstOrSecond = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      process.exit(EXIT.interrupted);
      return;
    }
    onSignal(`${name}: stopping, what is under way is undone first (a second signal stops at once)`);
    controller.abort(
      new AishaError('interrupted', `interrupted by ${name}`, { hint: 'Run the command again to go on.' }),
    );
  };
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => controller.abort(timedOut(timeout.text)), timeout.milliseconds);
  process.on('SIGINT', onFirstOrSecond);
  process.on('SIGTERM', onFirstOrSecond);
  const stop = (): void => {
    clearTimeout(timer);
    process.off('SIGINT', onFirstOrSecond);
    process.off('SIGTERM', onFirstOrSecond);
  };
  return { signal: controller.signal, stop };
}

function timedOut(text: string): AishaError {
  return new AishaError('interrupted', `gave up after ${text}`, {
    hint: 'Raise --timeout, or find out what it waits for.',
  });
}

/**
 * What is thrown where nobody waits for it (a callback of a connection, a promise that nobody holds) ends the run as
 * every other defect does: with a report, and where to send it.
 */
export function watchDefects(process: SignalSource): { readonly thrown: Promise<unknown>; stop(): void } {
  let stop = (): void => {};
  const thrown = new Promise<unknown>((resolve) => {
    process.on('uncaughtException', resolve);
    stop = () => void process.off('uncaughtException', resolve);
  });
  return { thrown, stop };
}
