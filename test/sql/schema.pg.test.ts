/** @module-tag since-15 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { headerList, parseHeader } from '../../src/migrations/header.ts';
import { expect, test } from '../support/pack-database.ts';
import { findPgDump, serverMajor } from '../support/pg-dump.ts';
import { FILES, shipped } from './pack.ts';
import { readSchema } from './schema-catalog.ts';
import { schemaPage } from './schema-page.ts';

/** The dump that is kept is this version's: each version writes some things in its own way. */
const MAJOR = 15;

const MISSING = `pg_dump ${MAJOR} is not installed: run \`apt-get install --no-install-recommends postgresql-client-${MAJOR}\`.`;

/** The schema public without what differs from run to run or from one minor version to the next. */
async function dumpSchema(program: string, url: string): Promise<string> {
  const args = ['--dbname', url, '--schema-only', '--no-owner', '--schema', 'public'];
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 1e8 });
  return `${stdout
    .replaceAll(/^(\\(un)?restrict |-- Dumped (from|by) ).*\n/gm, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

test.skipIf(serverMajor() !== MAJOR)(
  `test/schema.sql is the schema that the migrations make; \`npm run schema\` writes it again (PostgreSQL ${MAJOR})`,
  async ({ packDb: db, skip }) => {
    const program = findPgDump((major) => major === MAJOR);
    if (program === undefined) {
      if (process.env['CI']) throw new Error(MISSING);
      return skip(MISSING);
    }
    await expect(await dumpSchema(program, db.superUrl)).toMatchFileSnapshot('../schema.sql');
  },
);

/** What the headers say about the tables that a migration makes, under the names that 051 gives them. */
function purposes(): ReadonlyMap<string, string> {
  const renamed: Readonly<Record<string, string>> = {
    employees: 'employee',
    bizdev_sources: 'bizdev_source',
    workflows: 'workflow',
  };
  const items = FILES.flatMap((file) => headerList(parseHeader(Buffer.from(shipped(`sql/${file}`))), 'New Tables'));
  return new Map(
    items.map((item) => {
      const [name, purpose] = item.split(/: |;/) as [string, string];
      return [renamed[name] ?? name, purpose];
    }),
  );
}

test.skipIf(serverMajor() !== MAJOR)(
  `docs/schema.md tells that schema; \`npm run schema\` writes it again (PostgreSQL ${MAJOR})`,
  async ({ packDb: db }) => {
    const schema = await readSchema(await db.connect());
    await expect(schemaPage(schema, purposes())).toMatchFileSnapshot('../../docs/schema.md');
  },
);
