import { describe, expect, test } from 'vitest';
import { selectMissing } from '../../src/recovery/restore-missing.ts';

const OWNERS = ['app_owner', 'b owner'];

const LIST = [
  ';',
  '; Archive created at 2026-11-27',
  '10; 2615 100 SCHEMA - crm app_owner',
  '11; 1255 101 FUNCTION public f(integer) app_owner',
  '12; 1255 102 FUNCTION public f(text, integer) app_owner',
  '13; 1255 103 FUNCTION public f() app_owner',
  '14; 0 0 ACL public FUNCTION f(integer) app_owner',
  '20; 1259 200 TABLE public a app_owner',
  ';	depends on: 10',
  '21; 1259 201 TABLE public a b app_owner',
  '22; 0 0 ACL public TABLE a app_owner',
  '23; 0 0 ACL public TABLE a b app_owner',
  '24; 0 0 COMMENT public COLUMN a.id app_owner',
  '25; 2604 203 DEFAULT public a id app_owner',
  '26; 2604 204 DEFAULT public a b id app_owner',
  '30; 0 200 TABLE DATA public a app_owner',
  '31; 0 201 TABLE DATA public a b app_owner',
  '40; 2606 300 CONSTRAINT public a a_pkey app_owner',
  '41; 2606 301 CONSTRAINT public a b a b_pkey app_owner',
  '42; 1259 302 INDEX public a b',
  '43; 3256 303 POLICY public a own app_owner',
  '44; 3256 304 POLICY public a own rows app_owner',
  '45; 0 200 ROW SECURITY public a app_owner',
].join('\n');

function ids(text: string): number[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Number.parseInt(line, 10)]));
}

function chosen(...missing: string[]) {
  const { structure, rows, rest, unknown } = selectMissing(LIST, missing, OWNERS);
  return { structure: ids(structure), rows: rows.flatMap(({ part }) => ids(part)), rest: ids(rest), unknown };
}

describe('what of a dump brings missing objects back', () => {
  test('is nothing of an object whose name begins with that of the missing one', () => {
    expect(chosen('table public.a', 'column public.a.id', 'constraint public.a a_pkey', 'policy public.a own')).toEqual(
      {
        structure: [20, 24, 25],
        rows: [30],
        rest: [22, 40, 43, 45],
        unknown: [],
      },
    );
  });

  test('is all of an object whose name begins with that of another', () => {
    expect(chosen('table public."a b"', 'column public."a b".id', 'constraint public."a b" "a b_pkey"')).toEqual({
      structure: [21, 26],
      rows: [31],
      rest: [23, 41],
      unknown: [],
    });
  });

  test('is the function with these arguments and its grants, not its namesakes', () => {
    expect(chosen('function public.f(a integer)')).toMatchObject({ structure: [11], rest: [14] });
    expect(chosen('function public.f(a bigint)')).toMatchObject({ structure: [], unknown: [expect.any(String)] });
    expect(chosen('function public.f("a b" text, c integer)')).toMatchObject({ structure: [12] });
    expect(chosen('function public.f()')).toMatchObject({ structure: [13] });
  });

  test('names what no line stands for, and a column that was dropped from a table that is there', () => {
    expect(chosen('publication everything', 'column public.a.id', 'policy public.a "own rows"')).toEqual({
      structure: [],
      rows: [],
      rest: [44],
      unknown: ['publication everything', 'column public.a.id'],
    });
  });
});
