import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadReporter, reporterNames } from '../../src/cli/modules.ts';
import { clinic, failed, hostile, PIPE, UNCOLORED } from './reports.ts';

describe.each(reporterNames())('the reporter %s', (name) => {
  test('has a test', () => {
    expect(existsSync(join(import.meta.dirname, `reporters/${name}.test.ts`))).toBe(true);
  });

  test('is a pure function whose text ends with a line break', async () => {
    const { render } = await loadReporter(name);
    for (const report of [clinic, failed, hostile]) {
      const text = render(report, PIPE);
      expect(text).toMatch(/\n$/);
      expect(render(structuredClone(report), PIPE)).toBe(text);
    }
  });

  test('lets no control character, and no mark that reorders text, through to a terminal', async () => {
    const { render } = await loadReporter(name);
    expect(render(hostile, UNCOLORED)).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
    );
  });
});
