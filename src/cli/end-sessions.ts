import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { Target } from '../postgres/target.ts';
import { counted } from '../report/quantity.ts';

/**
 * Asks whether the sessions of a database may be ended, unless that was said already.
 * @throws AishaError (lock) when they may not
 */
export async function askToEnd(
  context: Context,
  target: Target,
  sessions: readonly string[],
  isSaid: boolean,
): Promise<void> {
  for (const session of sessions) context.talk.warn(`connected to ${target.database}: ${session}`);
  if (isSaid) return;
  const question = `${counted(sessions.length, 'session')} of ${target.database} will be ended. Type yes to go on: `;
  const answer = await context.ask(question).catch((error) => {
    if (error instanceof AishaError && error.kind === 'usage') return undefined;
    throw error;
  });
  if (answer?.trim() === 'yes') return;
  throw new AishaError('lock', `${counted(sessions.length, 'session')} of ${target.database} would have to be ended`, {
    details: sessions,
    hint: 'The restored copy is ready: stop what is connected, or add --end-sessions, and run the same command again.',
  });
}
