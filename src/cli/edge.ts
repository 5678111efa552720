import type { Readable, Writable } from 'node:stream';
import { type AishaError, EXIT } from '../errors.ts';
import { toFailure } from './failure.ts';
import type { SignalSource } from './interruption.ts';
import { type CommandSource, commandFolder } from './modules.ts';
import { type Output, type OutputStream, openOutput } from './output.ts';
import { readPackage } from './package-json.ts';
import { createRedactor, type Redactor } from './redact.ts';
import { openTalk } from './talk.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream & Writable;
}

/** What a test replaces of the real world. */
export interface EdgeOptions {
  readonly commands?: CommandSource;
  readonly cwd?: string;
  readonly process?: SignalSource;
}

/** The one place where the program meets its surroundings: the same for a whole call of `main`. */
export interface Edge extends Required<EdgeOptions> {
  readonly env: Environment;
  readonly streams: Streams;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly redactor: Redactor;
  readonly startedAt: Date;
}

export function openEdge(env: Environment, streams: Streams, options: EdgeOptions): Edge {
  return {
    commands: options.commands ?? commandFolder,
    cwd: options.cwd ?? process.cwd(),
    process: options.process ?? process,
    env,
    streams,
    stdout: openOutput(streams.stdout, 'stdout'),
    stderr: openOutput(streams.stderr, 'stderr'),
    redactor: createRedactor(env),
    startedAt: new Date(),
  };
}

/** Whatever was thrown as an error of ours. */
export function understandError(error: unknown, { cwd }: Edge, signal?: AbortSignal): AishaError {
  return toFailure(error, { cwd, signal, tracker: () => readPackage().tracker });
}

/** Tells of an error outside of any report and returns its exit code. */
export function complain(error: unknown, edge: Edge): number {
  const failure = understandError(error, edge);
  openTalk(edge.stderr, edge.redactor, false).fail(failure, undefined);
  return failure.exitCode;
}

/** Waits until all is written; returns the exit code of a stdout that cannot be written, 0 otherwise. */
export async function flush(edge: Edge): Promise<number> {
  const exitCode = await edge.stdout.flush().then(
    () => EXIT.ok,
    (error) => complain(error, edge),
  );
  // Nobody can be told that stderr cannot be written.
  await edge.stderr.flush().catch(() => {});
  return exitCode;
}
