import { type TestDatabase, withDatabase } from '../support/database.ts';
import { test as anyTest, withdrawReader } from '../tenancy/database.ts';
import { makeProject, type Project } from './project.ts';

/** A database in which some files have run, and a project of them. */
export interface Copy {
  readonly db: TestDatabase;
  readonly project: Project;
}

/** Tests that each get a copy of a database in which the files have run, the gate looking away. */
export function testOnCopies(files: Readonly<Record<string, string>>) {
  return anyTest.extend<{ template: TestDatabase; copy: Copy }>({
    template: [
      async ({ maintenance }, use) =>
        withDatabase(maintenance, undefined, async (db) => {
          const project = await makeProject(db, { ...files, 'aisha-db.config.json': '{"gate": "off"}' });
          await project.succeed();
          await use(db);
        }),
      { scope: 'file' },
    ],
    copy: async ({ maintenance, template }, use) =>
      withDatabase(maintenance, template.name, async (db) => {
        await withdrawReader(db);
        await use({ db, project: await makeProject(db, files) });
      }),
  });
}

/** Runs a file that changes something, and tells what the gate found. */
export async function change({ project }: Copy, sql: string, ...args: string[]) {
  await project.write({ '005_change.sql': sql });
  const result = await project.migrate(...args);
  const findings: { check: string }[] = result.json().findings;
  return { result, findings: findings.filter(({ check }) => check === 'gate') };
}
