import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expectedOn, parseFixture } from '../../src/diagnostics/fixture.ts';
import { SHIPPED_CHECKS } from '../../src/diagnostics/load.ts';
import type { CheckSettings } from '../../src/diagnostics/settings.ts';
import { readStatements } from '../../src/migrations/statements.ts';
import type { TestDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';

/** The proof of a check: something that must stay silent, something that must be found, and what mends it. */
export interface Fixture {
  readonly settings: CheckSettings;
  lookAlike(db: TestDatabase): Promise<void>;
  /** Makes the bad case and returns what has to be found, as `severity object`; of a check that lists, what it shows. */
  bad(db: TestDatabase): Promise<readonly string[]>;
  /** What mends it, where a finding's own remediation is no SQL. */
  readonly cure: ((db: TestDatabase) => Promise<void>) | undefined;
  /** Takes away what is not in the database and would stay. */
  readonly after?: ((db: TestDatabase) => Promise<void>) | undefined;
}

/** A fixture of what cannot be written as SQL: sessions, locks, load. `fixtures/<id>.ts` exports it as `fixture`. */
export interface LiveFixture {
  readonly settings?: CheckSettings;
  lookAlike(db: TestDatabase): Promise<void>;
  bad(db: TestDatabase): Promise<readonly string[]>;
  cure?(db: TestDatabase): Promise<void>;
  after?(db: TestDatabase): Promise<void>;
}

/** Those in SQL are shipped: `diagnose --self-test` plants them. */
const FOLDERS = [join(SHIPPED_CHECKS, 'fixtures'), join(import.meta.dirname, 'fixtures')];

/** The checks that have a fixture. */
export function fixtureIds(): string[] {
  return FOLDERS.flatMap((folder) => readdirSync(folder)).map((file) => basename(file).replace(/\.(sql|ts)$/, ''));
}

export async function loadFixture(id: string): Promise<Fixture> {
  const path = join(FOLDERS[0]!, `${id}.sql`);
  if (existsSync(path)) return sqlFixture(id, readFileSync(path, 'utf8'));
  const { fixture } = (await import(`./fixtures/${id}.ts`)) as { fixture: LiveFixture };
  return { settings: {}, cure: undefined, ...fixture };
}

function sqlFixture(id: string, text: string): Fixture {
  const { settings, expected, asSuperuser, lookAlike, bad, cure } = parseFixture(`${id}.sql`, text);
  // What a session counted is there for everybody when it has ended: before the next vacuum sets the counters back.
  const run = async (db: TestDatabase, sql: string) => {
    const connect = () => db.connect(asSuperuser ? db.superUrl : db.url);
    let session = await connect();
    for (const statement of statementsOf(sql)) {
      if (/^(vacuum|analyze)/.test(statement)) {
        await session.end();
        session = await connect();
      }
      await session.query(statement);
    }
    await session.end();
  };
  return {
    settings,
    lookAlike: (db) => run(db, lookAlike),
    bad: async (db) => {
      await run(db, bad);
      return expectedOn(expected, testServer().versionNumber);
    },
    cure: cure === undefined ? undefined : (db) => run(db, cure),
  };
}

/** One at a time: vacuum and concurrent index builds refuse to share a message. */
export function statementsOf(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return readStatements(bytes).statements.map(({ start, end }) => bytes.toString('utf8', start, end));
}
