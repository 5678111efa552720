import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inject } from 'vitest';
import { readHeader } from '../../src/diagnostics/header.ts';
import type { CheckSettings } from '../../src/diagnostics/settings.ts';
import { readStatements } from '../../src/migrations/statements.ts';
import type { TestDatabase } from '../support/database.ts';

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

const FOLDER = join(import.meta.dirname, 'fixtures');

/** The checks that have a fixture. */
export function fixtureIds(): string[] {
  return readdirSync(FOLDER).map((file) => basename(file).replace(/\.(sql|ts)$/, ''));
}

export async function loadFixture(id: string): Promise<Fixture> {
  const path = join(FOLDER, `${id}.sql`);
  if (existsSync(path)) return sqlFixture(id, readFileSync(path, 'utf8'));
  const { fixture } = (await import(`./fixtures/${id}.ts`)) as { fixture: LiveFixture };
  return { settings: {}, cure: undefined, ...fixture };
}

/** `-- Expects:`, `-- Settings:` and `-- As: superuser` on top, then the sections [look-alike], [bad] and [cure]. */
function sqlFixture(id: string, text: string): Fixture {
  const { fields, problems, body } = readHeader(text);
  if (problems.length > 0) throw new Error(`${id}: ${problems.join('; ')}`);
  const sections = new Map<string, string>();
  for (const [, name, sql] of body.matchAll(/^-- \[([a-z-]+)\]\n(.*?)(?=^-- \[|$(?![\s\S]))/gms)) {
    sections.set(name!, sql!);
  }
  const expected = [...(fields.get('Expects')?.items ?? []), ...(fields.get('Shows')?.items ?? [])];
  const lookAlike = sections.get('look-alike') ?? (fields.has('Shows') ? '' : undefined);
  const [bad, cure] = ['bad', 'cure'].map((name) => sections.get(name));
  if (lookAlike === undefined || bad === undefined || expected.length === 0) {
    throw new Error(`${id}: a fixture needs -- Expects:, -- [look-alike] and -- [bad], or -- Shows: and -- [bad]`);
  }
  const asSuperuser = fields.get('As')?.value === 'superuser';
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
    settings: JSON.parse(fields.get('Settings')?.value ?? '{}') as CheckSettings,
    lookAlike: (db) => run(db, lookAlike),
    bad: async (db) => {
      await run(db, bad);
      return expected.flatMap(onThisServer);
    },
    cure: cure === undefined ? undefined : (db) => run(db, cure),
  };
}

/** `info public.root from 14`: what older servers cannot tell is not expected of them. */
function onThisServer(expected: string): string[] {
  const [, text = expected, since = '0'] = /^(.*) from (\d\d)$/.exec(expected) ?? [];
  return inject('server').versionNumber >= Number(since) * 10_000 ? [text] : [];
}

/** One at a time: vacuum and concurrent index builds refuse to share a message. */
export function statementsOf(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return readStatements(bytes).statements.map(({ start, end }) => bytes.toString('utf8', start, end));
}
