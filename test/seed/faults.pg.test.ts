/** @module-tag since-15 */

import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { Session } from '../../src/postgres/session.ts';
import type { CommandResult } from '../../src/report/report.ts';
import { faultNames, loadFault } from '../../src/seed/faults.ts';
import { findEvidence, plantFaults } from '../../src/seed/plant.ts';
import { loadFixture } from '../diagnostics/fixture.ts';
import { diagnose } from '../diagnostics/run.ts';
import type { TestDatabase } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { expect, HOOKS, targetOf, test } from './seeded.ts';

const LIMITS = { lockTimeoutMs: 5_000 };

/** Checks for which no fault can be planted in the tables of a database. */
const WITHOUT_FAULT: Readonly<Record<string, readonly string[]>> = {
  'of the server and its sessions': [
    'autovacuum-settings',
    'blocked-session',
    'cache-hit',
    'checkpoint-pressure',
    'connection-limit',
    'connection-states',
    'counter-window',
    'idle-connection',
    'idle-in-transaction',
    'log-settings',
    'long-query',
    'long-transaction',
    'multixact-age',
    'password-encryption',
    'pg-hba-rule',
    'prepared-transaction',
    'retained-wal',
    'slow-query-log',
    'supabase-tier',
    'tls-settings',
    'transaction-id-age',
    'unencrypted-connection',
    'vacuum-horizon',
  ],
  'of what was run': [
    'disk-reading-query',
    'frequent-query',
    'slow-query',
    'spilling-query',
    'statement-statistics',
    'top-query',
  ],
  'of roles, which belong to all databases': [
    'password-expiry',
    'password-hash',
    'privileged-login',
    'read-only-role-writes',
    'replication-login',
    'server-access-role',
    'stored-password',
  ],
  'figures, in which nothing is wrong': [
    'database-size',
    'index-sizes',
    'last-vacuum',
    'role-distribution',
    'table-sizes',
  ],
  'found as bloat is, which is planted': ['index-bloat', 'index-bloat-exact', 'table-bloat-exact'],
  'of a table of ten million rows': ['large-table-autovacuum'],
  'of pg_cron, which one database of a server has': ['secret-in-cron-job'],
};

/** What is found in a database in good order as well, as `check object`. */
const IN_GOOD_ORDER: readonly RegExp[] = [
  // One log for all tenants.
  /^missing-tenant-column public\.audit_log$/,
  // Where a project has no schema for extensions, 002 has none either.
  /^extension-in-public pgcrypto$/,
  // Nobody has asked for anything yet.
  /^unused-index public\.(?!fault_)/,
];

const definitions = loadDefinitions();

test('every fault says what finds it', async () => {
  const faults = await Promise.all(faultNames().map(async (name) => ({ name, ...(await loadFault(name)) })));
  expect(faults.filter(({ foundBy }) => foundBy === undefined).map(({ name }) => name)).toEqual([]);
});

test('every check has a fault that it finds, but for those that say why not', async () => {
  const faults = await Promise.all(faultNames().map((name) => loadFault(name)));
  const found = new Set(faults.map(({ foundBy }) => foundBy?.replace('diagnose ', '')));
  // A check may have several files, for versions of PostgreSQL.
  const left = new Set(definitions.map(({ id }) => id).filter((id) => !found.has(id)));
  expect([...left].toSorted()).toEqual(Object.values(WITHOUT_FAULT).flat().toSorted());
});

test('a database that was seeded without faults has none of them, and nothing finds any', async ({ seededDb: db }) => {
  const session = await Session.open(targetOf(db.url), { applicationName: 'test' });
  const finders = new Set<string>();
  for (const name of faultNames()) {
    const fault = await loadFault(name);
    expect(await findEvidence(session, fault), name).toEqual([]);
    if (fault.foundBy !== undefined) finders.add(fault.foundBy);
  }
  await session.close();
  expect(await findings(db, [...finders])).toEqual([]);
});

test.for(faultNames())('%s is planted by the owner, who is no superuser, and found', async (name, { seededDb: db }) => {
  const [planted] = await plantFaults(targetOf(db.url), [name], LIMITS, HOOKS);
  const { evidence, foundBy } = await loadFault(name);
  // The superuser sees all rows: what the owner found is true.
  const seen = await db.superQuery<{ object: string }>(evidence);
  expect(seen.map(({ object }) => object)).toEqual(planted!.objects);
  expect(planted!.objects.length).toBeGreaterThan(0);
  if (foundBy !== undefined) expect(await findings(db, [foundBy])).not.toEqual([]);
});

test('all of them together can be planted, twice', async ({ seededDb: db }) => {
  for (const _ of ['once', 'again']) {
    const planted = await plantFaults(targetOf(db.url), faultNames(), LIMITS, HOOKS);
    expect(planted.map(({ name }) => name)).toEqual(faultNames());
  }
});

/** What these checks and commands find fault with, as a role that no policy binds: `check object`. */
async function findings(db: TestDatabase, finders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const command of new Set(finders.map((finder) => finder.split(' ')[0]!))) {
    const ids = finders.flatMap((finder) => (finder.startsWith(`${command} `) ? finder.split(' ').slice(1) : []));
    const report = command === 'diagnose' ? await diagnosed(db, ids) : await reported(db, command);
    for (const { check, object } of report.findings ?? []) {
      if (finders.includes(command) || ids.includes(check)) found.push(`${check} ${object}`);
    }
  }
  return found.filter((finding) => !IN_GOOD_ORDER.some((pattern) => pattern.test(finding)));
}

/** With the settings of the checks' own proofs: for counters of a server that has just started, and small tables. */
async function diagnosed({ superUrl }: TestDatabase, ids: readonly string[]): Promise<CommandResult> {
  const proofs = await Promise.all(ids.map(async (id) => [id, (await loadFixture(id)).settings] as const));
  const checks = definitions.filter(({ id }) => ids.includes(id));
  return diagnose(superUrl, checks, { settings: Object.fromEntries(proofs) });
}

async function reported({ superUrl }: TestDatabase, command: string): Promise<CommandResult> {
  const run = await runHere([command, '--format', 'json'], {
    cwd: await makeFolder(),
    env: { DATABASE_URL: superUrl },
  });
  return run.json();
}
