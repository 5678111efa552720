import { chmod } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localSystem } from '../../src/postgres/local-system.ts';
import { makeFolder } from '../support/folder.ts';

test('a file is read with its mode', async () => {
  const path = join(await makeFolder({ '.pgpass': 'x' }), '.pgpass');
  await chmod(path, 0o640);
  const file = localSystem().readFile(path);
  expect(file?.text).toBe('x');
  expect((file?.mode ?? 0) & 0o777).toBe(0o640);
});

test('what is missing or no plain file is undefined', async () => {
  const folder = await makeFolder();
  expect(localSystem().readFile(folder)).toBeUndefined();
  expect(localSystem().readFile(join(folder, 'none'))).toBeUndefined();
});

test.skipIf(process.platform === 'win32')("libpq's files lie in the home folder", () => {
  expect(localSystem()).toMatchObject({
    passfile: join(homedir(), '.pgpass'),
    serviceFile: join(homedir(), '.pg_service.conf'),
    certificateDir: join(homedir(), '.postgresql'),
  });
});
