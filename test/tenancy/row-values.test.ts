import { describe, expect, test } from 'vitest';
import { textMatching } from '../../src/tenancy/proof/matching-text.ts';
import type { RowColumn } from '../../src/tenancy/proof/row-columns.ts';
import { candidatesOf } from '../../src/tenancy/proof/row-values.ts';

const TOKEN = '0f1e2d3c4b5a69782796a5b4c3d2e14a';

describe('a text is made that a pattern takes:', () => {
  test.each([
    '^[A-Z]{2}[0-9]{3}$',
    '^\\+[1-9]\\d{6,14}$',
    '^[a-z0-9]+(-[a-z0-9]+)*$',
    '^(draft|sent)$',
    '^#(?:[0-9a-f]{3}|[0-9a-f]{6})$',
    '^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$',
    '^v\\d+\\.\\d+$',
    'a.c?$',
    '^[]x-]{2}$',
  ])('%s', (pattern) => {
    expect(textMatching(pattern, TOKEN)).toMatch(new RegExp(pattern.replace('[]', '[\\]')));
  });

  test('another one for another row', () => {
    const [one, other] = [TOKEN, [...TOKEN].reverse().join('')].map((token) => textMatching('^[A-Z]{3}\\d{5}$', token));
    expect(one).not.toBe(other);
  });

  test.each(['^(?=.*\\d)x$', '^(a', '[z', '(a)\\1', '*'])('and none that it cannot read: %s', (pattern) => {
    expect(textMatching(pattern, TOKEN)).toBeUndefined();
  });

  test('classes with names are those of the server', () => {
    expect(textMatching('^[[:upper:]]{2}[[:digit:]_]$', TOKEN)).toMatch(/^[A-Z]{2}[\d_]$/);
  });
});

describe('what a check says makes values:', () => {
  const column = (type: string, category: string): RowColumn => ({
    number: 1,
    name: 'c',
    type,
    category,
    required: true,
    fills: false,
    identity: false,
    generated: false,
    labels: [],
  });
  const of = (type: string, category: string, constants: readonly string[]) => {
    const check = { name: 'k', kind: 'check' as const, columns: [1], text: 'the check' };
    return candidatesOf(column(type, category), { constraints: [check], example: {} }, () => constants, TOKEN);
  };

  test('a length', () => {
    expect(of('text', 'S', ['20', '30']).some((value) => value!.length > 20 && value!.length < 30)).toBe(true);
  });
  test('the start of a text', () => {
    expect(of('text', 'S', ['OK-%'])[0]).toMatch(/^OK-.+/);
  });
  test('a label of an enumeration, and no other word', () => {
    const kind = { ...column('app.kind', 'E'), labels: ["it's", 'b'] };
    const check = { name: 'k', kind: 'check' as const, columns: [1], text: 'the check' };
    const made = candidatesOf(kind, { constraints: [check], example: {} }, () => ['100', 'b'], TOKEN);
    expect(made).toEqual(['b', "it's"]);
  });
  test('a range that is not empty, and another for another row', () => {
    const ranges = [TOKEN, [...TOKEN].reverse().join('')].map(
      (token) => candidatesOf(column('tstzrange', 'R'), { constraints: [], example: {} }, () => [], token)[0],
    );
    expect(ranges[0]).toMatch(/^\[\d{4}-\d\d-\d\d,\d{4}-\d\d-\d\d\)$/);
    expect(ranges[1]).not.toBe(ranges[0]);
    const place = Number.parseInt(TOKEN.slice(0, 6), 16);
    expect(of('int8range', 'R', ['[1,5]', '7'])).toEqual(['[1,5]', `[${place},${place + 1})`, 'empty', '(,)']);
    expect(of('datemultirange', 'R', []).slice(-2)).toEqual(['{}', '{(,)}']);
    expect(of('app.span', 'R', [])).toEqual(['empty', '(,)']);
  });
  test('a composite value with nothing in it', () => {
    const address = { ...column('app.address', 'C'), fields: 3 };
    expect(candidatesOf(address, { constraints: [], example: {} }, () => [], TOKEN)).toEqual(['(,,)']);
  });
  test('a number between two', () => {
    expect(of('integer', 'N', ['10', '20'])).toContain('15');
    expect(of('numeric(10,2)', 'N', ['10', '11'])).toContain('10.5');
  });
  test('the keys of a document', () => {
    expect(of('jsonb', 'U', ['kind', 'note']).map((value) => JSON.parse(value!))).toContainEqual({
      kind: 'note',
      note: 'note',
    });
  });
  test('as many elements as an array has to have', () => {
    expect(of('text[]', 'A', ['3'])).toContain('{"a","a","a"}');
    expect(of('integer[]', 'A', ['2'])).toContain('{"1","1"}');
  });
  test('and nothing that the type would refuse', () => {
    expect(of('uuid', 'U', ['no uuid'])).not.toContain('no uuid');
    expect(of('date', 'D', ['no date'])).not.toContain('no date');
  });
});
