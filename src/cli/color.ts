import type { ChalkInstance } from 'chalk';
import type { OutputStream } from './output.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** True when a stream shall be coloured: `--no-color`, then FORCE_COLOR, NO_COLOR and TERM, then whether it is a terminal. */
export function wantsColor(stream: Pick<OutputStream, 'isTTY'>, env: Environment, isAllowed = true): boolean {
  if (!isAllowed) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return !['0', 'false'].includes(forced);
  if (env['NO_COLOR'] || env['TERM'] === 'dumb') return false;
  return stream.isTTY === true;
}

/** Loaded only when needed: it costs more than most of the program. */
export async function loadChalk(isWanted: boolean): Promise<ChalkInstance | undefined> {
  if (!isWanted) return undefined;
  const { Chalk } = await import('chalk');
  // Its own look at the terminal is passed over: the decision is made.
  return new Chalk({ level: 1 });
}
