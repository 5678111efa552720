import { expectedOn, type SqlFixture } from '../fixture.ts';
import type { CheckSettings } from '../settings.ts';
import type { StageDatabase } from './database.ts';

/** The proof of a check: something that must stay silent, something that must be found, and what mends it. */
export interface Planter {
  readonly settings: CheckSettings;
  lookAlike(db: StageDatabase): Promise<void>;
  /** Makes the bad case and returns what has to be found, as `severity object`; of a check that lists, what it shows. */
  bad(db: StageDatabase): Promise<readonly string[]>;
  /** What mends it, where a finding's own remediation is no SQL. */
  readonly cure?: ((db: StageDatabase) => Promise<void>) | undefined;
  /** Takes away what is not in the database and would stay. */
  readonly after?: ((db: StageDatabase) => Promise<void>) | undefined;
}

/** A fixture of what cannot be written as SQL: sessions, locks, load. `live-fixtures/<id>.ts` exports it as `fixture`. */
export interface LiveFixture extends Omit<Planter, 'settings'> {
  readonly settings?: CheckSettings;
}

export function livePlanter(fixture: LiveFixture): Planter {
  return { settings: {}, ...fixture };
}

/** @param split a script into its statements, of which vacuum and concurrent index builds want a message of their own */
export function sqlPlanter(
  { settings, expected, asSuperuser, lookAlike, bad, cure }: SqlFixture,
  split: (sql: string) => readonly string[],
): Planter {
  const run = (db: StageDatabase, sql: string) => runScript(db, asSuperuser ? db.superUrl : db.url, split(sql));
  return {
    settings,
    lookAlike: (db) => run(db, lookAlike),
    bad: async (db) => {
      await run(db, bad);
      return expectedOn(expected, db.versionNumber);
    },
    cure: cure === undefined ? undefined : (db) => run(db, cure),
  };
}

/** What a session counted is there for everybody when it has ended: before the next vacuum sets the counters back. */
async function runScript(db: StageDatabase, url: string, statements: readonly string[]): Promise<void> {
  let session = await db.connect(url);
  for (const statement of statements) {
    if (/^(vacuum|analyze)/i.test(statement)) {
      await session.end();
      session = await db.connect(url);
    }
    await session.query(statement);
  }
  await session.end();
}
