import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema, knownKeys } from '../src/config-schema.ts';
import { PARAMETER_VARIABLES } from '../src/postgres/parameters.ts';
import { checkIds } from '../src/tenancy/load-checks.ts';

const DOCS = resolve(import.meta.dirname, '../docs');

test('the JSON schema for editors is that of the program (node scripts/generate-config-schema.mjs writes it)', async () => {
  const file: unknown = JSON.parse(await readFile(resolve(DOCS, 'aisha-db.config.schema.json'), 'utf8'));
  expect(file).toEqual(z.toJSONSchema(configSchema));
});

test('every key and every variable has its row in docs/configuration.md', async () => {
  const rows = (await readFile(resolve(DOCS, 'configuration.md'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const blocks = ['ledger', 'diagnostics', 'orphans', 'backup', 'gate', 'maintenance', 'schedule', 'rehearsal'];
  const keys = [...knownKeys([]), ...knownKeys(['environments', 'x'])].filter(
    (key) => !['$schema', ...blocks].includes(key),
  );
  const nested = blocks.flatMap((block) => knownKeys([block]).map((key) => `${block}.${key}`));
  const wanted = [...keys, ...nested, ...PARAMETER_VARIABLES];
  const missing = wanted.filter((name) => !rows.some((row) => row.includes(`\`${name}\``)));
  expect(missing).toEqual([]);
});

test('the example of docs/configuration.md is a valid configuration', async () => {
  const text = await readFile(resolve(DOCS, 'configuration.md'), 'utf8');
  const [, example = ''] = /```json\n(.*?)```/s.exec(text) ?? [];
  expect(configSchema.safeParse(JSON.parse(example)).error).toBeUndefined();
});

test('every key of "tenancy" has its row in docs/rls.md, and its example is a valid configuration', async () => {
  const text = await readFile(resolve(DOCS, 'rls.md'), 'utf8');
  expect(knownKeys(['tenancy']).filter((key) => !text.includes(`| \`tenancy.${key}\` |`))).toEqual([]);
  const [, example = ''] = /```json\n(.*?)```/s.exec(text) ?? [];
  expect(configSchema.safeParse(JSON.parse(example)).error).toBeUndefined();
});

test('every finding of rls-check has its row in docs/rls.md', async () => {
  const text = await readFile(resolve(DOCS, 'rls.md'), 'utf8');
  expect(checkIds().filter((id) => !text.includes(`| \`${id}\` |`))).toEqual([]);
});
