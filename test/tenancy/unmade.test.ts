import { expect, test } from 'vitest';
import { readingUnmade } from '../../src/tenancy/unmade.ts';

const READ = "current_setting('app.tenant'::text, true)";
const WRITTEN = `NULLIF(${READ}, 'aisha_db_never_made'::text)`;

test('every read of a setting is written so that the stand-in reads as one that was never made', () => {
  expect(readingUnmade(`((tenant_id)::text = ${READ})`, 1)).toBe(`((tenant_id)::text = ${WRITTEN})`);
  expect(readingUnmade(`(${READ} IS NULL) OR (a = (NULLIF(${READ}, ''::text))::uuid)`, 2)).toBe(
    `(${WRITTEN} IS NULL) OR (a = (NULLIF(${WRITTEN}, ''::text))::uuid)`,
  );
  expect(readingUnmade('(id > 7)', 0)).toBe('(id > 7)');
});

test.for([
  ['fails where it was never made', "(t = current_setting('app.tenant'::text))"],
  ['may be one of the server, which takes no such value', "(t = current_setting('role'::text, true))"],
  ['is called by a name that is worked out', "(t = current_setting(('app.'::text || name), true))"],
  ['may or may not fail', "(t = current_setting('app.tenant'::text, strict))"],
])('none is written for one that %s', ([, text]) => {
  expect(readingUnmade(text!, 1)).toBeUndefined();
});

test('what only looks like a read, in a string, is none', () => {
  expect(readingUnmade("(t = 'current_setting(''app.tenant''::text, true)'::text)", 0)).toBe(
    "(t = 'current_setting(''app.tenant''::text, true)'::text)",
  );
});
