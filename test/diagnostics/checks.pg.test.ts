/**
 * @module-tag since-13
 * @module-tag each-build
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { loadDefinitions, SHIPPED_CHECKS } from '../../src/diagnostics/load.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';
import { fixtureIds, loadFixture, statementsOf } from './fixture.ts';
import { diagnose, foundBy } from './run.ts';

const definitions = loadDefinitions();
const ids = [...new Set(definitions.map(({ id }) => id))];

test('every check has a fixture and its place in docs/diagnostics.md', () => {
  const page = readFileSync(join(SHIPPED_CHECKS, '../docs/diagnostics.md'), 'utf8');
  expect(fixtureIds().sort()).toEqual([...ids].sort());
  expect(ids.filter((id) => !page.includes(`\n### ${id}\n`))).toEqual([]);
});

describe.each(ids)('%s', (id) => {
  test('is silent about the look-alike, finds the bad case, and is silent after its remedy', async ({ db }) => {
    const { settings, lookAlike, bad, cure } = await loadFixture(id);
    const check = definitions.filter((definition) => definition.id === id);
    const judgesCounters = check.some(({ windowDays }) => windowDays !== undefined);
    const run = () => diagnose(db.url, check, { settings: { [id]: settings } });

    await lookAlike(db);
    if (judgesCounters) await countersArrive(db);
    const before = await run();
    expect(foundBy(before)).toEqual([]);
    expect(before.checks).toMatchObject([{ id, status: 'passed' }]);

    const expected = await bad(db);
    if (judgesCounters) await countersArrive(db);
    const { checks, findings = [] } = await run();
    expect(foundBy({ findings })).toEqual([...expected].sort());
    expect(checks).toMatchObject([{ id, status: 'failed' }]);
    for (const { message, remediation } of findings) expect(`${message} ${remediation}`).not.toMatch(/unknown|[{}]/);

    if (judgesCounters) {
      // The server of a test has just begun to count.
      const { windowDays, ...others } = settings;
      const young = await diagnose(db.url, check, { settings: { [id]: others } });
      expect(young).toMatchObject({ findings: [], checks: [{ status: 'unknown' }] });
    }

    if (cure !== undefined) await cure(db);
    else
      for (const { remediation = '' } of findings)
        for (const sql of statementsOf(remediation)) await db.superQuery(sql);
    if (judgesCounters) await countersArrive(db);
    const after = await run();
    expect(foundBy(after)).toEqual([]);
    expect(after.checks).toMatchObject([{ id, status: 'passed' }]);
  });
});

/** Up to PostgreSQL 14 a collector tells, in the order in which it heard, what sessions counted: half a second later. */
async function countersArrive(db: TestDatabase): Promise<void> {
  const session = await db.connect();
  await session.query('create table last_word (id int); insert into last_word values (1)');
  await session.end();
  const seen = "select from pg_stat_user_tables where relname = 'last_word' and n_tup_ins = 1";
  while ((await db.query(seen)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await db.query('drop table last_word');
}
