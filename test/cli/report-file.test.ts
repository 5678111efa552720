import { lstatSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkReportFile, writeReportFile } from '../../src/cli/report-file.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'aisha-db-report-'));

test('replaces a report, and behind a symbolic link the file it points to', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'monday.json'), 'old');
  symlinkSync('monday.json', join(cwd, 'latest.json'));
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
  await expect(checkReportFile('.', folder())).rejects.toMatchObject({
    kind: 'usage',
    message: 'the report cannot be written to .: it is a folder',
  });
});

test('a report that cannot be written leaves the old one and nothing else', async () => {
  await expect(writeReportFile('/dev/full', '/', 'report')).rejects.toMatchObject({ kind: 'usage' });
});
