import { describe, expect, test } from 'vitest';
import { moveCalls, type TextColumn, translate, wordShaping } from '../../src/tenancy/word-shape.ts';

const COLUMNS: readonly TextColumn[] = [{ name: 'status', room: undefined }];
const OWN = "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS uuid))";
const shapeOf = (text: string, columns = COLUMNS, reserved: readonly string[] = []) =>
  wordShaping()([text], columns, (word) => reserved.includes(word))[0]!;
const skeletonOf = (...args: Parameters<typeof shapeOf>) => shapeOf(...args).skeleton;

describe('expressions have the same skeleton', () => {
  test.for([
    ['=', `(${OWN} AND (status = 'new'::text))`, `(${OWN} AND (status = 'won'::text))`],
    ['<>', "(status <> 'new'::text)", "(status <> 'it''s %s'::text)"],
    ['IS DISTINCT FROM', "(status IS DISTINCT FROM 'a'::text)", "(status IS DISTINCT FROM 'bc'::text)"],
    ['a cast of a shorter type', "((status)::text = 'a'::text)", "((status)::text = 'b'::text)"],
  ])('when they differ in the word of %s', ([, one, other]) => {
    expect(shapeOf(one!).words).toHaveLength(1);
    expect(skeletonOf(one!)).toBe(skeletonOf(other!));
  });

  test('when the same words are the same in both', () => {
    const twice = (a: string, b: string) => `((status = '${a}'::text) OR (status = '${b}'::text))`;
    expect(skeletonOf(twice('a', 'b'))).toBe(skeletonOf(twice('c', 'd')));
    expect(skeletonOf(twice('a', 'a'))).toBe(skeletonOf(twice('c', 'c')));
    expect(skeletonOf(twice('a', 'b'))).not.toBe(skeletonOf(twice('c', 'c')));
  });
});

describe('no word is left out', () => {
  const word = (text: string, ...more: [columns?: readonly TextColumn[], reserved?: string[]]) =>
    shapeOf(text, ...more).words;

  test.for([
    ['where the column is looked at in another way', "((status = 'new'::text) OR (length(status) > 3))"],
    ['of another operator', "(status > 'new'::text)"],
    ['of a pattern', "(status ~~ 'new%'::text)"],
    ['of a column that is no text', "(kind = 'new'::text)"],
    ['that stands elsewhere as well', "((status = 'new'::text) AND (current_setting('new'::text, true) = ''::text))"],
    ['that merely looks like a comparison', "(status ~~ '(status = ''''::text)'::text)"],
    ['with escapes', "(status = E'a\\\\b'::text)"],
    ['that is compared with a function of the column', "(lower(status) = 'new'::text)"],
  ])('%s', ([, text]) => {
    expect(word(text!)).toEqual([]);
    expect(skeletonOf(text!)).toBe(text);
  });

  test('that is a value of rows for a reason of its own, or too long for the column', () => {
    expect(word("(status = 'x'::text)", COLUMNS, ['x'])).toEqual([]);
    expect(word("(status = 'toolong'::text)", [{ name: 'status', room: 3 }])).toEqual([]);
  });
});

test('hostile names and words are told apart as the server quotes them', () => {
  const columns = [{ name: 'st"a%tus', room: undefined }];
  const one = shapeOf(`("st""a%tus" = 'it''s ('::text)`, columns);
  const other = shapeOf(`("st""a%tus" = '"b" </script>'::text)`, columns);
  expect(one.skeleton).toBe(other.skeleton);
  expect([...translate([one], [other])]).toEqual([["it's (", '"b" </script>']]);
});

test('calls are found where they stand beside longer and shorter words', () => {
  const text = (value: string) => `((status = '${value}'::text) AND (tenant_id = f('app.x'::text)))`;
  const [from, to] = [shapeOf(text('new')), shapeOf(text('much longer'))];
  const start = from.text.indexOf('f(');
  const call = { name: 'f', start, end: start + "f('app.x'::text)".length, readsColumns: false, isWrapped: false };
  const [moved] = moveCalls([call], from, to);
  expect(to.text.slice(moved!.start, moved!.end)).toBe("f('app.x'::text)");
});
