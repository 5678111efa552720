import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { SECRET_IN_FILE } from '../../src/diagnostics/secret-in-file.ts';
import { checkIds } from '../../src/tenancy/load-checks.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/security-checklist.md'), 'utf8');
const named = [...page.matchAll(/^\|.*\|$/gm)].flatMap(([row]) => [...row.matchAll(/`([^`]+)`/g)].map(([, it]) => it!));

/** What is no finding of its own kind: the proofs of tables and of triggers. */
const PROOFS = ['isolation-proof', 'audit-proof'];

test('the checklist names every finding of rls-check and every check of security-check, and none besides', () => {
  const security = [...loadDefinitions(), SECRET_IN_FILE].filter(({ category }) => category === 'security');
  const all = [...checkIds(), ...security.map(({ id }) => id), ...PROOFS];
  const ids = named.filter((one) => /^[a-z]+(-[a-z]+)+$/.test(one));
  expect([...new Set(ids)].sort()).toEqual([...new Set(all)].sort());
  const findings = page.slice(page.indexOf('## Findings'));
  expect(checkIds().filter((id) => !findings.includes(`\`${id}\``))).toEqual([]);
});

test('every test that the checklist names is there', () => {
  const files = named.filter((one) => one.startsWith('test/'));
  expect(files.length).toBeGreaterThan(9);
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test.each(checkIds())('%s has a database that has it, and look-alikes that do not', (id) => {
  const sql = readFileSync(join(import.meta.dirname, 'fixtures/findings', `${id}.sql`), 'utf8');
  expect(sql).toMatch(/^-- Finds: \S/m);
  const [, lookAlikes = ''] = sql.split(/^-- look-alikes?\b.*$/im);
  expect(lookAlikes).toMatch(/^\s*(create|alter|grant|revoke|do)\b/im);
});
