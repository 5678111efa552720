import { expect, test } from 'vitest';
import { backupFirst } from '../../src/cli/backup-before-files.ts';
import type { Context } from '../../src/commands/command.ts';
import type { Target } from '../../src/postgres/target.ts';

test.each([
  ['by default', 'DATABASE_URL', true, {}, true],
  ['never by itself on a private server', 'embedded', true, {}, false],
  ['on a private server when asked for', 'embedded', true, { backup: true }, true],
  ['not when the configuration says no', '--database-url', false, {}, false],
  ['when asked for in spite of it', '--database-url', false, { backup: true }, true],
  ['not when told not to', '--database-url', true, { backup: false }, false],
])('a backup is taken before files %s', (_when, source, beforeMigrate, options, isTaken) => {
  const context = { config: { backup: { beforeMigrate } } } as Context;
  expect(backupFirst(context, { source } as Target, options) !== undefined).toBe(isTaken);
});
