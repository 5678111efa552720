import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/junit.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('a check is a test case: failed, skipped, in error when undecided, passed', () => {
  expect(render(clinic, PIPE)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="aisha-db" tests="5" failures="2" errors="1" time="1.250">
  <testsuite name="aisha-db diagnose" tests="5" failures="2" errors="1" skipped="1" time="1.250" timestamp="2026-03-01T06:00:00.000Z">
    <properties>
      <property name="host" value="db.example.com"/>
      <property name="port" value="5432"/>
      <property name="database" value="clinic"/>
      <property name="user" value="aisha"/>
      <property name="serverVersion" value="15.8"/>
      <property name="version" value="1.2.3"/>
    </properties>
    <testcase classname="aisha-db.diagnose" name="rls-enabled: Row-level security is on">
      <failure type="critical" message="public.patients: row-level security is off: every tenant reads every row">critical: public.patients: row-level security is off: every tenant reads every row
  fix: alter table public.patients enable row level security;</failure>
    </testcase>
    <testcase classname="aisha-db.diagnose" name="dead-rows: Dead rows are vacuumed">
      <failure type="warning" message="public.visits: 41 % of its rows are dead">warning: public.visits: 41 % of its rows are dead
  fix: vacuum (analyze) public.visits;</failure>
    </testcase>
    <testcase classname="aisha-db.diagnose" name="replication-lag: Replicas keep up">
      <skipped message="no replica"/>
    </testcase>
    <testcase classname="aisha-db.diagnose" name="wal-size: WAL is bounded">
      <error type="unknown" message="permission denied for pg_ls_waldir">fix: grant pg_monitor to aisha;</error>
    </testcase>
    <testcase classname="aisha-db.diagnose" name="xid-age: Transaction ids are frozen"/>
  </testsuite>
</testsuites>
`);
});

test('a finding of severity info does not fail a check that passed', () => {
  const checks = [{ id: 'size', title: 'Sizes', status: 'passed' as const }];
  const findings = [{ check: 'size', severity: 'info' as const, object: 'clinic', message: '12 GB' }];
  expect(render({ ...clinic, checks, findings }, PIPE)).toContain('<system-out>info: clinic: 12 GB</system-out>');
});

test('a finding without a check has a test case all the same', () => {
  expect(render({ ...clinic, checks: [] }, PIPE)).toMatch(/tests="2" failures="2"/);
});

test('the run is a test case when it failed, and when there is no other', () => {
  expect(render(failed, PIPE)).toContain('<error type="lock" message="another run holds the lock">');
  expect(render({ ...clinic, checks: [], findings: [] }, PIPE)).toMatch(/tests="1" failures="0" errors="0"/);
});

test('whatever a name holds, it stays XML', () => {
  const page = render(hostile, PIPE);
  const known =
    /<\?xml[^>]*\?>|<\/?(?:testsuites?|properties|property|testcase|failure|error)(?: \w+="[^"<>\n]*")*\/?>/g;
  expect(page.replace(known, '')).not.toMatch(/[<>"']|\]\]>/);
  expect(page).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800](?![\udc00-\udfff])/);
});

/** What an element may have: attributes, of which some are needed, and other elements. */
interface Shape {
  readonly needed?: readonly string[];
  readonly attributes?: readonly string[];
  readonly holds?: readonly string[];
}

/** What the plug-ins of Jenkins read and refuse the rest of (their schema junit-10), as far as it is written here. */
const SHAPES: Readonly<Record<string, Shape>> = {
  testsuites: { attributes: ['name', 'time', 'tests', 'failures', 'errors'], holds: ['testsuite'] },
  testsuite: {
    needed: ['name', 'tests', 'failures', 'errors'],
    attributes: ['time', 'skipped', 'timestamp', 'hostname', 'id', 'package'],
    holds: ['properties', 'testcase', 'system-out', 'system-err'],
  },
  properties: { holds: ['property'] },
  property: { needed: ['name', 'value'] },
  testcase: {
    needed: ['name'],
    attributes: ['classname', 'time'],
    holds: ['skipped', 'error', 'failure', 'system-out', 'system-err'],
  },
  failure: { attributes: ['type', 'message'] },
  error: { attributes: ['type', 'message'] },
  skipped: { attributes: ['type', 'message'] },
  'system-out': {},
  'system-err': {},
};

function complaints(page: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  for (const [, end, name = '', text = '', closed] of page.matchAll(/<(\/?)([a-z-]+)((?: [\w-]+="[^"]*")*)(\/?)>/g)) {
    if (end === '/') {
      if (open.pop() !== name) found.push(`</${name}> closes another`);
      continue;
    }
    const { needed = [], attributes = [] } = SHAPES[name] ?? {};
    const given = [...text.matchAll(/([\w-]+)="/g)].map(([, attribute]) => attribute!);
    const parent = open.at(-1);
    const isRoot = parent === undefined && name === 'testsuites';
    if (!isRoot && !SHAPES[parent ?? '']?.holds?.includes(name)) found.push(`<${name}> in <${parent}>`);
    for (const one of needed) if (!given.includes(one)) found.push(`<${name}> without ${one}`);
    for (const one of given) if (![...needed, ...attributes].includes(one)) found.push(`<${name}> with ${one}`);
    if (new Set(given).size < given.length) found.push(`<${name}> with one twice`);
    if (closed !== '/') open.push(name);
  }
  return [...found, ...open.map((name) => `<${name}> is left open`)];
}

const KINDS = { clinic, failed, hostile, 'without checks': { ...clinic, checks: [], findings: [] } };

test.each(Object.entries(KINDS))('elements and attributes are those that CI servers know: %s', (_, report) => {
  const page = render(report, PIPE);
  expect(complaints(page)).toEqual([]);
  // Seconds, as Surefire writes them, and a number for each count.
  for (const [, name, value] of page.matchAll(/ (tests|failures|errors|skipped|time)="([^"]*)"/g))
    expect(value).toMatch(name === 'time' ? /^\d+\.\d{3}$/ : /^\d+$/);
});

test('what no CI server knows is complained of', () => {
  const page = '<testsuites skipped="1"><testcase><failure/></testsuites>';
  expect(complaints(page)).toEqual([
    '<testsuites> with skipped',
    '<testcase> in <testsuites>',
    '<testcase> without name',
    '</testsuites> closes another',
    '<testsuites> is left open',
  ]);
});
