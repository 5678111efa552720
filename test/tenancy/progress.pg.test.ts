import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandFolder } from '../../src/cli/modules.ts';
import { run } from '../cli/main.ts';
import { expect } from '../support/database.ts';
import { makeFolder } from '../support/folder.ts';
import { test } from './database.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');
const CLEAR = '\r\u001b[2K';

test('a proof has a bar on a terminal, as much of it as fits, and leaves the report alone', async ({ db }) => {
  await db.query(`${prelude}
    create table "50 % </script> ü" (id int primary key, tenant_id uuid not null references tenant);
    select isolate('"50 % </script> ü"')`);
  const cwd = await makeFolder({ 'aisha-db.config.json': '{ "tenancy": { "apiSchemas": ["public"] } }' });
  const prove = (columns?: number, ...more: string[]) =>
    run(['rls-check', '--prove=rows', '--format', 'json', ...more], commandFolder, {
      env: { DATABASE_URL: db.url },
      cwd,
      ...(columns === undefined ? {} : { columns }),
    });
  const { stderr, stdout } = await prove(100);
  expect(stderr).toContain(
    `${CLEAR}proving with rows [--------------------] 0 % 0 of 2 tables, public."50 % </script> ü"`,
  );
  // The last status is taken away before the report comes.
  expect(stderr.endsWith(CLEAR)).toBe(true);
  expect(JSON.parse(stdout).data.tables).toHaveLength(2);
  const narrow = await prove(50);
  expect(narrow.stderr).toContain(`${CLEAR}proving with rows [--------------------] 0 %${CLEAR}`);
  for (const { stderr: log } of [await prove(), await prove(100, '--quiet')]) expect(log).not.toContain('\u001b');
});
