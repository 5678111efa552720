import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkReportFile, writeReportFile } from '../../src/cli/report-file.ts';
import { linkIn, makeFolder } from '../support/folder.ts';

test('replaces a report, and behind a symbolic link the file it points to', async () => {
  const cwd = await makeFolder({ 'monday.json': 'old' });
  await linkIn(cwd, 'latest.json', 'monday.json');
  await writeReportFile('latest.json', cwd, 'new');
  expect(readdirSync(cwd)).toEqual(['latest.json', 'monday.json']);
  expect(readFileSync(join(cwd, 'monday.json'), 'utf8')).toBe('new');
});

test('writes to a device instead of replacing it', async () => {
  await checkReportFile('/dev/null', '/');
  await writeReportFile('/dev/null', '/', 'report');
  expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
});

test('refuses a folder', async () => {
  await expect(checkReportFile('.', await makeFolder())).rejects.toMatchObject({
    kind: 'usage',
    message: 'the report cannot be written to .: it is a folder',
  });
});

test('a report that cannot be written leaves the old one and nothing else', async () => {
  await expect(writeReportFile('/dev/full', '/', 'report')).rejects.toMatchObject({ kind: 'usage' });
});
