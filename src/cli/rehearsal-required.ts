import { readCatalog } from '../backup/catalog.ts';
import { addressOf } from '../backup/create.ts';
import { readFacts } from '../backup/read-facts.ts';
import { openReader } from '../backup/snapshot-session.ts';
import { databaseKey } from '../backup/store.ts';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { PlanEntry } from '../migrations/plan.ts';
import type { Target } from '../postgres/target.ts';
import { printCatalog } from '../rehearsal/catalog-print.ts';
import { whatChanged } from '../rehearsal/record.ts';
import { settingsOf } from '../rehearsal/rehearse.ts';
import { readRecords } from '../rehearsal/store.ts';
import { gateInWords } from './gate.ts';
import { runSettings } from './migration.ts';
import { rehearsalFolder } from './rehearsal.ts';

/**
 * Refuses files that were not rehearsed as they are, on a catalog as it is, on a server as it is, with the settings of
 * this run. The newest rehearsal of the database counts.
 * @throws AishaError (plan) with everything that changed since
 */
export async function requireRehearsal(
  context: Context,
  target: Target,
  files: readonly PlanEntry[],
  isStrict: boolean,
): Promise<void> {
  const { config, signal } = context;
  const session = await openReader(target, 'aisha-db migrate', signal);
  try {
    const facts = await readFacts(session, session, [], config.ledger);
    const database = databaseKey(addressOf(facts, target));
    const [newest] = readRecords(rehearsalFolder(context), database);
    if (newest === undefined) {
      throw new AishaError('plan', 'what is pending was never rehearsed on a copy of this database', {
        hint: 'Rehearse it: aisha-db rehearse; then run again.',
      });
    }
    const changes = whatChanged(newest, {
      database,
      serverVersion: facts.serverVersion,
      plan: files.map(({ file, checksum = '' }) => ({ file, checksum })),
      catalog: printCatalog(await readCatalog(session, newest.excludedSchemas), config.ledger),
      excludedSchemas: newest.excludedSchemas,
      settings: {
        ...settingsOf({ settings: config.settings, run: runSettings(context) }),
        ...gateInWords(context, isStrict),
      },
    });
    if (changes.length === 0) {
      context.talk.info(`rehearsed ${newest.at}: ${newest.id}`);
      return;
    }
    throw new AishaError('plan', `the rehearsal ${newest.id} does not stand for what is pending now`, {
      details: changes,
      hint: 'Nothing was applied. Rehearse again: aisha-db rehearse; or go without: --no-require-rehearsal.',
    });
  } finally {
    await session.close();
  }
}
