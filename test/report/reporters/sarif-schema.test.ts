import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import type { Report } from '../../../src/report/report.ts';
import { render } from '../../../src/report/reporters/sarif.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

/**
 * The standard's own schema (OASIS, SARIF 2.1.0), as @microsoft/jest-sarif ships it, without its descriptions. It is of
 * draft 4, of which it uses nothing that draft 7 reads otherwise, but for `id`.
 */
const {
  $schema: _,
  id: __,
  ...schema
} = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/sarif-2.1.0.schema.json'), 'utf8'));
const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
formats.default(ajv);
const validate = ajv.compile(schema);

function complaints(log: unknown): string[] {
  return validate(log) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const { target: ___, ...withoutTarget } = clinic;
const details = { file: 'sql/012 "é" %.sql', line: 3, column: 7 };
const REPORTS: Readonly<Record<string, Report>> = {
  'a run with findings': clinic,
  'a run that failed': failed,
  'a run with hostile names': hostile,
  'a run about files': { ...clinic, findings: [{ ...clinic.findings[0]!, details }] },
  'a run without checks and findings': { ...clinic, checks: [], findings: [] },
  'a run without a database': withoutTarget,
};

test.each(Object.entries(REPORTS))('%s is SARIF by the schema of the standard', (_, report) => {
  expect(complaints(JSON.parse(render(report, PIPE)))).toEqual([]);
});

test('the schema refuses what is none', () => {
  const log = JSON.parse(render(clinic, PIPE));
  const [run] = log.runs;
  const without = { ...log, runs: [{ ...run, tool: {} }] };
  const misspelt = { ...log, runs: [{ ...run, results: [{ ...run.results[0], level: 'critical' }] }] };
  expect(complaints(without)).toEqual(["/runs/0/tool must have required property 'driver'"]);
  expect(complaints(misspelt)).toEqual(['/runs/0/results/0/level must be equal to one of the allowed values']);
});
