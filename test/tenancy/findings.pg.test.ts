/** @module-tag since-13 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeFacts, type TenancyFinding } from '../../src/tenancy/judge.ts';
import { checkIds, loadCheck } from '../../src/tenancy/load-checks.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { test } from './database.ts';
import { factsOf } from './session.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const prelude = readFileSync(join(FIXTURES, 'prelude.sql'), 'utf8');

/** One SQL file per finding: databases that have it, look-alikes that do not. */
interface Fixture {
  readonly sql: string;
  /** `object` or `object / policy`. */
  readonly finds: readonly string[];
  readonly asSuperuser: boolean;
}

function readFixture(id: string, { name }: TestDatabase): Fixture {
  const text = readFileSync(join(FIXTURES, 'findings', `${id}.sql`), 'utf8').replaceAll(':db', name);
  const isOld = testServer().versionNumber < 150_000;
  const sql = text.replace(/^.* -- since 15$/gm, (line) => (isOld ? '' : line.replace(' -- since 15', '')));
  const keys = (key: string) => [...sql.matchAll(new RegExp(`^-- ${key}: (.*)$`, 'gm'))].map((match) => match[1]!);
  return { sql, finds: keys('Finds'), asSuperuser: keys('As').includes('superuser') };
}

const label = ({ object, policy }: TenancyFinding) => (policy === undefined ? object : `${object} / ${policy}`);

async function find(id: string, db: TestDatabase): Promise<readonly TenancyFinding[]> {
  const facts = await factsOf(db.superUrl);
  return judgeFacts(facts, [await loadCheck(id)], []).findings;
}

test('every finding has its fixture, and every fixture its finding', () => {
  const fixtures = readdirSync(join(FIXTURES, 'findings')).map((file) => file.replace(/\.sql$/, ''));
  expect(fixtures.sort()).toEqual(checkIds());
});

test.for(checkIds())('%s is found where it is, nowhere else, and its own SQL mends it', async (id, { db }) => {
  const { sql, finds, asSuperuser } = readFixture(id, db);
  await db.query(prelude);
  try {
    await (asSuperuser ? db.superQuery : db.query)(sql);
    const found = await find(id, db);
    expect(found.map(label).sort()).toEqual([...finds].sort());
    for (const { message, fix, severity } of found) {
      expect(message).not.toMatch(/^[A-Z][a-z]|\.$|undefined|\[object/);
      expect(['info', 'warning', 'critical']).toContain(severity);
      await (asSuperuser ? db.superQuery : db.query)(fix!);
    }
    expect((await find(id, db)).map(label)).toEqual([]);
  } finally {
    await dropRoles(db);
  }
});

/** Roles outlive their database; those of a fixture are named after it. */
async function dropRoles(db: TestDatabase): Promise<void> {
  const roles = await db.superQuery<{ name: string }>(
    "select quote_ident(rolname) as name from pg_roles where rolname like current_database() || '%'",
  );
  for (const { name } of roles) {
    await db.superQuery(`drop owned by ${name} cascade`);
    await db.superQuery(`drop role ${name}`);
  }
}
