import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadFixtures, SHIPPED_CHECKS } from '../../src/diagnostics/load.ts';
import { liveFixtureIds, loadLiveFixture } from '../../src/diagnostics/load-live-fixtures.ts';
import { livePlanter, type Planter, sqlPlanter } from '../../src/diagnostics/stage/planter.ts';
import { readStatements } from '../../src/migrations/statements.ts';

/** The checks that have a fixture. */
export function fixtureIds(): string[] {
  const inSql = readdirSync(join(SHIPPED_CHECKS, 'fixtures')).map((file) => basename(file, '.sql'));
  return [...inSql, ...liveFixtureIds()];
}

const inSql = loadFixtures([SHIPPED_CHECKS]);

export async function loadFixture(id: string): Promise<Planter> {
  const fixture = inSql.get(id);
  return fixture === undefined ? livePlanter(await loadLiveFixture(id)) : sqlPlanter(fixture, statementsOf);
}

/** One at a time: vacuum and concurrent index builds refuse to share a message. */
export function statementsOf(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return readStatements(bytes).statements.map(({ start, end }) => bytes.toString('utf8', start, end));
}
