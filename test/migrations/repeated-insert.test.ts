import { describe, expect, test } from 'vitest';
import { RepeatedInsert } from '../../src/migrations/repeated-insert.ts';

const FIRST = "insert into public.t (id, note) values (1, 'a');";

/** Where the repeat of FIRST that `text` begins with ends; -1 when it is none. */
function endOf(text: string, first = FIRST): number {
  const bytes = Buffer.from(`${first}\n${text}`);
  const repeated = new RepeatedInsert(bytes);
  repeated.learn(0, first.length - 1);
  const end = repeated.endOfRepeat(first.length + 1);
  return end < 0 ? end : end - first.length - 1;
}

describe('the same INSERT with other constants is recognised', () => {
  const head = 'insert into public.t (id, note) values (';
  test.each([
    `${head}2, 'b');`,
    `${head}-2.50, 'it''s; ok -- no comment');`,
    `${head}null, NULL);`,
    `${head}true , False ) ;`,
    `${head}3, 'c'), (4, 'd'),\n (5, 'é "quoted" $1');`,
  ])('%s', (text) => {
    expect(endOf(`${text} select 1;`)).toBe(Buffer.byteLength(text));
  });
});

describe('anything that is not plainly that is left to the grammar', () => {
  const head = 'insert into public.t (id, note) values (';
  test.each([
    `${head}2, 'b'`,
    `${head}2, 'b';`,
    `${head}2, 'b'));`,
    `${head}2 'b');`,
    `${head}2,, 'b');`,
    `${head}2, 'b',);`,
    `${head});`,
    `${head}2, 'b') returning id;`,
    `${head}2, 'b') 'c';`,
    `${head}2, 'open);`,
    `${head}2, 'back\\slash');`,
    `${head}2, E'b');`,
    `${head}2, 'b'\n'c');`,
    `${head}2a, 'b');`,
    `${head}2e5, 'b');`,
    `${head}nullif(1, 2), 'b');`,
    `${head}now(), 'b');`,
    `${head}2 -- , 'b');`,
    `${head}2, 'b'), 3;`,
    "insert into public.u (id, note) values (2, 'b');",
  ])('%s', (text) => {
    expect(endOf(text)).toBe(-1);
  });

  test('a first statement whose head needs a lexer is not learnt', () => {
    const first = 'insert into "a (b" (id) values (1);';
    expect(endOf('insert into "a (b" (id) values (2);', first)).toBe(-1);
  });
});
