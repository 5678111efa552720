/** @module-tag since-15 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '../support/database.ts';
import { findPgDump, serverMajor } from '../support/pg-dump.ts';
import { applyRange } from './pack.ts';

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
  async ({ db, skip }) => {
    const program = findPgDump();
    if (program === undefined) {
      if (process.env['CI']) throw new Error(MISSING);
      return skip(MISSING);
    }
    await applyRange(await db.connect(), 1, 999);
    await expect(await dumpSchema(program, db.superUrl)).toMatchFileSnapshot('../schema.sql');
  },
);
