/**
 * @module-tag since-13
 * @module-tag each-build
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Definition } from '../../src/diagnostics/definition.ts';
import { loadDefinitions, SHIPPED_CHECKS } from '../../src/diagnostics/load.ts';
import { countersArrive } from '../../src/diagnostics/stage/counters.ts';
import { expect, test } from '../support/database.ts';
import { testServer } from '../support/server.ts';
import { fixtureIds, loadFixture, statementsOf } from './fixture.ts';
import { diagnose, foundBy } from './run.ts';

const definitions = loadDefinitions();
const ids = [...new Set(definitions.map(({ id }) => id))];

test('every check has a fixture and its place in docs/diagnostics.md', () => {
  const page = readFileSync(join(SHIPPED_CHECKS, '../docs/diagnostics.md'), 'utf8');
  expect(fixtureIds().sort()).toEqual([...ids].sort());
  expect(ids.filter((id) => !page.includes(`\n### ${id}\n`))).toEqual([]);
});

const major = Math.floor(testServer().versionNumber / 10_000);
const isForThisServer = ({ minPg = 0, maxPg = 99 }: Definition) => minPg <= major && major <= maxPg;
const finds = ({ severity, thresholds }: Definition) => severity !== undefined || thresholds.length > 0;
const checksThat = (wanted: boolean) => [
  ...new Set(definitions.filter((d) => isForThisServer(d) && finds(d) === wanted).map(({ id }) => id)),
];

describe.each(checksThat(true))('%s', (id) => {
  test('is silent about the look-alike, finds the bad case, and is silent after its remedy', async ({ db }) => {
    const { settings, lookAlike, bad, cure, after } = await loadFixture(id);
    const check = definitions.filter((definition) => definition.id === id);
    const judgesCounters = check.some(({ windowDays }) => windowDays !== undefined);
    const run = () => diagnose(db.url, check, { settings: { [id]: settings } });

    await lookAlike(db);
    await countersArrive(db);
    const before = await run();
    expect(foundBy(before)).toEqual([]);
    expect(before.checks).toMatchObject([{ id, status: 'passed' }]);

    const expected = await bad(db);
    await countersArrive(db);
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
    await countersArrive(db);
    // A session that is told to end takes a moment.
    await expect.poll(async () => foundBy(await run()), { timeout: 10_000 }).toEqual([]);
    expect((await run()).checks).toMatchObject([{ id, status: 'passed' }]);
    await after?.(db);
  });
});

describe.each(checksThat(false))('%s', (id) => {
  test('shows what there is', async ({ db }) => {
    const { settings, bad } = await loadFixture(id);
    const expected = await bad(db);
    await countersArrive(db);
    const check = definitions.filter((definition) => definition.id === id);
    const { tables = [], checks } = await diagnose(db.url, check, { settings: { [id]: settings } });
    expect(checks).toMatchObject([{ id, status: 'passed' }]);
    const rows = tables.flatMap((table) => table.rows.map((row) => row.join(' | '))).join('\n');
    for (const text of expected) expect(rows).toContain(text);
  });
});
