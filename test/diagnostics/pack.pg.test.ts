/** @module-tag since-15 */
import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { SQL_DIR } from '../sql/pack.ts';
import { expect, test } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { runHere } from '../support/run-here.ts';
import { diagnose, foundBy } from './run.ts';

/** Decided by counters, which have to cover days. */
const NEED_TIME = ['sequential-scans', 'unused-index'];

/** Of the checks of security, those about what a schema brings; the others look at the server and its roles. */
const SECURITY = [
  'audit-trigger',
  'extension-in-public',
  'function-search-path',
  'public-privilege',
  'secret-in-catalog',
];

test('every check can be decided on the shipped schema, which gives no cause for a warning', async ({ db }) => {
  const { code, stderr } = await runHere(['migrate', '--dir', SQL_DIR], { cwd: await makeFolder(), env: db.env });
  expect(code, stderr).toBe(0);
  await db.superQuery('create extension pg_stat_statements; create extension pgstattuple');
  const result = await diagnose(db.superUrl, loadDefinitions());
  const { checks = [] } = result;
  const undecided = checks.filter(({ status, id }) => status === 'unknown' && !NEED_TIME.includes(id));
  expect(undecided).toEqual([]);
  expect(checks.filter(({ status }) => status === 'not-applicable').map(({ id }) => id)).toEqual([
    'secret-in-cron-job',
    'supabase-tier',
  ]);
  const ofTheSchema = ['schema', 'indexes', 'users', 'campaigns', 'archive'];
  const categories = new Map(checks.map(({ id, category }) => [id, category]));
  const found = result.findings!.filter(
    ({ check }) => ofTheSchema.includes(categories.get(check) ?? '') || SECURITY.includes(check),
  );
  const ownExtension = ({ object }: { object: string }) => !/^(pg_stat_statements|pgstattuple)$/.test(object);
  // The manual's audit_log has no tenant (appendix A); without a schema for extensions, pgcrypto goes where all goes.
  expect(foundBy({ findings: found.filter(ownExtension) })).toEqual(['info pgcrypto', 'info public.audit_log']);
});
