import { beforeAll, describe, expect, test } from 'vitest';
import { loadParse, type Parse } from '../../src/tenancy/parse.ts';
import { mendCalls } from '../../src/tenancy/rewrite.ts';

let parse: Parse;
beforeAll(async () => {
  parse = await loadParse();
});

const read = (text: string) => parse(text)!;

describe('an expression is read for', () => {
  test('the values at which it may change its mind', () => {
    expect(read("status = 'it''s' and n > 3 and amount < 1.5 and note <> '' and k = 0").constants).toEqual([
      "it's",
      '3',
      '1.5',
      '',
      '0',
    ]);
  });

  test('the settings that it reads, wherever they stand', () => {
    const text = `tenant_id = (( SELECT current_setting('app.x'::text, true)))::uuid
      and exists (select from t where t.a = pg_catalog.current_setting('app.y')) and note = 'current_setting(''z'')'`;
    expect(read(text).settings).toEqual(['app.x', 'app.y']);
  });

  test.each([
    ["(t = (( SELECT current_setting('app.x'::text, true) AS current_setting))::uuid)", []],
    ["((t)::text = NULLIF(lower(current_setting('app.x'::text)), ''::text)) AND (lower(note) ~~ 'a%')", ['note']],
    ['(t = ANY (ARRAY[a, (f())::uuid])) AND (u IS NOT NULL)', []],
    ['(EXISTS ( SELECT 1 FROM members m WHERE ((m.t = x.t) AND (m.u = auth.uid()))))', []],
    ['(t IN ( SELECT members.t FROM members))', []],
    ['((t % (10)::bigint) = 5)', ['t']],
    ['(t = ANY (ARRAY[f(), (f() + 1)]))', ['t']],
    ['("left"((x."t %")::text, 4) = current_setting(\'a.b\'::text))', ['t %']],
    ["((t)::character varying(4) = 'x')", ['t']],
    ['(t > 3)', ['t']],
    ['(t BETWEEN 3 AND 4)', ['t']],
    ["((t)::text ~~ (current_setting('a.b'::text) || '%'::text))", ['t']],
    ['is_mine(x.*)', ['*']],
  ])('the columns of which it looks at more than whether they are equal: %s', (text, columns) => {
    expect([...read(text).shaped].filter((name) => ['t', 't %', 'note', '*'].includes(name))).toEqual(columns);
  });

  test.each([
    ['(email = CURRENT_USER)', ['email']],
    ['(lower(users.email) = (( SELECT SESSION_USER AS "session_user"))::text)', ['users.email']],
    ['(( SELECT CURRENT_USER AS "current_user") = \'service_role\'::name)', []],
    ['(EXISTS ( SELECT 1 FROM users WHERE (users.email = (CURRENT_USER)::text)))', ['users.email']],
    ['("current_user" = \'current_user\'::text)', []],
    ['(owner = ( SELECT m.name FROM members m WHERE (m.role = CURRENT_ROLE)))', ['m.role']],
  ])('columns that it compares with the name of the role: %s', (text, columns) => {
    expect(read(text).roleComparisons).toEqual(columns);
  });

  test('where in documents that are no columns it takes values', () => {
    const text = `((( SELECT auth.jwt() AS jwt) -> 'app_metadata'::text) ->> 'org %'::text)::uuid = tenant_id
      or (NULLIF(current_setting('request.jwt.claims'::text, true), ''::text)::json #>> '{org,"id"}'::text[]) = 'x'
      or ( SELECT (auth.jwt() ->> 'org_id'::text)) = 'y' or (auth.jwt() ->> 'org_id') = meta ->> 'org'
      or (meta -> 'plan') ->> (auth.jwt() ->> lower('A')) = 'z'`;
    expect(read(text).claims).toEqual([['app_metadata', 'org %'], ['org', 'id'], ['org_id']]);
  });

  test('the keys by which it takes values of documents, and what would please it there', () => {
    const text = `((auth.jwt() -> 'user_metadata'::text) ->> 'role'::text) = 'it''s "me"'::text
      or (((auth.jwt() -> 'user_metadata') ->> 'is_admin')::boolean)
      or lower(auth.jwt() ->> 'plan') = any (array['gold'::text, 'silver'::text])
      or (auth.jwt() -> 'rights') ? 'all' or (auth.jwt() -> 'more') @> '{"deep": [1]}' or n = 7`;
    expect(Object.fromEntries(read(text).keys)).toEqual({
      user_metadata: '{tenant}',
      role: 'it\'s "me"',
      is_admin: true,
      plan: 'gold',
      rights: ['all'],
      more: { deep: [1] },
    });
  });

  test('its calls, with their places in text of any alphabet', () => {
    const text =
      "((имя = f('é)', g(1))) OR (h(имя) > 0) OR (a = ( SELECT auth.uid() AS uid)) OR (n = ( SELECT count(*) FROM t)))";
    expect(read(text).calls.map(({ start, end, ...call }) => ({ ...call, text: text.slice(start, end) }))).toEqual([
      { name: 'f', readsColumns: false, isWrapped: false, text: "f('é)', g(1))" },
      { name: 'g', readsColumns: false, isWrapped: false, text: 'g(1)' },
      { name: 'h', readsColumns: true, isWrapped: false, text: 'h(имя)' },
      { name: 'auth.uid', readsColumns: false, isWrapped: true, text: 'auth.uid()' },
    ]);
  });

  test('nothing when the grammar does not know it', () => {
    expect(parse('a = (hashed SubPlan 1)')).toBeUndefined();
  });
});

describe('calls are mended:', () => {
  const mend = (text: string, guard = false) => mendCalls(text, read(text).calls, { guard });

  test.each([
    ['(t = f())', '(t = ( SELECT f()))'],
    ['(t = ( SELECT f() AS f))', '(t = ( SELECT f() AS f))'],
    ['(t = f(g(1), h(2)))', '(t = ( SELECT f(g(1), h(2))))'],
    ['(f(t) = g(t))', '(f(t) = g(t))'],
    ['(EXISTS ( SELECT 1 FROM m WHERE (m.u = f())))', '(EXISTS ( SELECT 1 FROM m WHERE (m.u = ( SELECT f()))))'],
    ['(t IN ( SELECT g.id FROM lookup(f()) g(id)))', '(t IN ( SELECT g.id FROM lookup(( SELECT f())) g(id)))'],
  ])('once per query: %s', (text, mended) => {
    expect(mend(text)).toBe(mended);
    expect(mend(mended)).toBe(mended);
  });

  test.each([
    [
      "(t = (current_setting('a'::text))::uuid)",
      "(t = (( SELECT NULLIF(current_setting('a'::text, true), ''::text)))::uuid)",
    ],
    [
      "(t = ( SELECT current_setting('a'::text, false) AS s))",
      "(t = ( SELECT NULLIF(current_setting('a'::text, true), ''::text) AS s))",
    ],
    [
      "(t = NULLIF(current_setting('a'::text), ''::text))",
      "(t = NULLIF(( SELECT current_setting('a'::text, true)), ''::text))",
    ],
  ])('no error where nothing is set: %s', (text, mended) => {
    expect(mend(text, true)).toBe(mended);
  });
});
