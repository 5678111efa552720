import { setTimeout as sleep } from 'node:timers/promises';
import { AishaError } from '../errors.ts';
import { quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Job, Running } from './runner.ts';

/** The file is applied although its run ended in an error. */
export class AppliedAnyway extends AishaError {}

/** The connection ended without a word of the server: it may have committed what it had been sent. */
export function isLost({ work }: Running, error: Error): boolean {
  return work.isCut && serverError(error) === undefined;
}

/**
 * Asks the server, over a new connection, what became of a file whose answer never came. What it still runs is ended
 * first, so that the answer holds.
 * @returns when nothing of the file remains
 * @throws AppliedAnyway (connection) when it was committed; AishaError (connection) when the server does not answer
 */
export async function settleLost(running: Running, job: Job, lost: Error): Promise<void> {
  const { file } = job.entry;
  running.tell(`${file}: the connection was lost; asking the server what became of it`);
  const deadline = Date.now() + (running.work.target.connectTimeoutMs || LONGEST_MS);
  let committed: boolean | undefined;
  while (committed === undefined && Date.now() < deadline) {
    committed = await ask(running, job).catch(() => undefined);
    if (committed === undefined) await sleep(PAUSE_MS);
  }
  if (committed === true) {
    throw new AppliedAnyway('connection', `${file} is committed, but the connection was lost behind it`, {
      hint: 'Run again: what comes behind it has not been begun.',
      cause: lost,
    });
  }
  if (committed === false) return;
  throw new AishaError(
    'connection',
    `the connection was lost while ${file} ran, and the server does not say whether it was committed`,
    { hint: 'Run again once it answers: the ledger knows, and no file is run twice.', cause: lost },
  );
}

/** When the target sets no limit to connecting. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 200;

/** `undefined` while the server still runs it. */
async function ask(running: Running, job: Job): Promise<boolean | undefined> {
  const { target } = running.work;
  const session = await Session.open(target, { applicationName: 'aisha-db migrate' });
  try {
    if (await running.lock.endWork(session)) return undefined;
    return (await session.query(recordedSql(running, job))).length > 0;
  } finally {
    await session.close();
  }
}

/** Finds the row only when this run has written it. */
function recordedSql({ ledger }: Running, { entry: { file }, recorded, was = -1 }: Job): string {
  const condition = recorded ?? `file = ${quoteLiteral(file)} and state = 'applied' and sequence > ${was}`;
  return `select from ${quoteQualified(ledger.schema, ledger.table)} where ${condition}`;
}
