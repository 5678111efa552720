import { beforeAll, expect, test } from 'vitest';
import { loadParse, type Parse } from '../../src/tenancy/parse.ts';
import { readSimply } from '../../src/tenancy/simple-expression.ts';

let parse: Parse;
beforeAll(async () => {
  parse = await loadParse();
});

const SETTING = "current_setting('app.x y'::text, true)";
const PARTS = [
  `(tenant_id = (NULLIF(${SETTING}, ''::text))::uuid)`,
  `(tenant_id = (${SETTING})::uuid)`,
  `("Ten ant" = (current_setting('app.it''s'::text))::integer)`,
  `((tenant_id)::text = ${SETTING})`,
  `((NULLIF(${SETTING}, ''::text))::text = 'a (b'::text)`,
  `(COALESCE(${SETTING}, ''::text) = ''::text)`,
  `(NULLIF(NULLIF(${SETTING}, ''::text), 'x'::text))::uuid IS NULL`,
  `(tenant_id = ANY (ARRAY[(${SETTING})::uuid, NULL::uuid]))`,
  `((ids)::uuid[] = (${SETTING})::uuid[])`,
  `(current_setting(('app.'::text || name)) = 'z'::text)`,
  `(note ~~ '%''--'::text)`,
  `((code)::character varying(20) = '1.5'::character varying)`,
  '(n > 3)',
  `(n = '-5'::integer)`,
  '((amount < 1.5) AND (x > 12345678901234))',
  `("it""s 'quoted" = CURRENT_USER)`,
  '(имя1 IS NOT NULL)',
  `CASE WHEN (n = 1) THEN (${SETTING} = 'b'::text) ELSE false END`,
  `(d > '2020-01-01'::date)`,
  '(x2 = 0)',
];

test('what is read word by word is what the grammar finds', () => {
  const texts = [...PARTS, ...PARTS.flatMap((one) => PARTS.map((other) => `(${one} OR (NOT ${other}))`))];
  for (const text of texts) {
    const { constants, settings, castsSettings } = parse(text)!;
    const simple = readSimply(text);
    expect(simple, text).toMatchObject({ settings: [...settings], castsSettings });
    expect([...simple!.constants].sort(), text).toEqual([...constants].sort());
  }
});

test.for([
  `(tenant_id = ( SELECT (${SETTING})::uuid AS x))`,
  `(EXISTS ( SELECT 1 FROM t))`,
  `(a = E'b\\\\c'::text)`,
  `(bits = B'101'::"bit")`,
  `(set_config('app.x'::text, 'y'::text, true) = 'y'::text)`,
  `("current_setting"('app.x'::text) = 'y'::text)`,
  `((a || "current_setting") = 'y'::text)`,
])('the rest is left to it: %s', (text) => {
  expect(readSimply(text)).toBeUndefined();
});

test('an expression whose words are all known to go by no role says so', () => {
  const blind = (text: string) => readSimply(text)?.isRoleBlind;
  const asks = [
    `("it""s 'quoted" = CURRENT_USER)`,
    '(SESSION_USER IS NOT NULL)',
    `(pg_has_role('a'::text, 'b'::text) AND (n > 3))`,
    `("lower"(code) = 'x'::text)`,
    `((o)::regclass = 'x'::regclass)`,
    `((now() AT TIME ZONE 'utc'::text) IS NULL)`,
  ];
  for (const text of asks) expect(blind(text), text).toBe(false);
  for (const text of PARTS.filter((part) => !part.includes('CURRENT_USER'))) expect(blind(text), text).toBe(true);
  expect(blind(`((lower(code) = 'CURRENT_USER'::text) AND ("CURRENT_USER" > 3))`)).toBe(true);
});
