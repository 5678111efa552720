import { afterEach, describe, expect, test, vi } from 'vitest';
import { settingsOf } from '../../src/tenancy/contexts.ts';
import type { ColumnFacts } from '../../src/tenancy/facts.ts';
import { SUBJECT, sampleRows } from '../../src/tenancy/samples.ts';

const tenants = {
  own: 'aaaaaaaa-0000-4000-8000-00000000000a',
  other: 'bbbbbbbb-0000-4000-8000-00000000000b',
  unknown: 'ffffffff-0000-4000-8000-00000000000f',
};
const column = (name: string, type: string, category: string) => ({
  number: 1,
  name,
  type,
  category,
  notNull: false,
  labels: [],
});
const tenantColumn: ColumnFacts = column('tenant_id', 'uuid', 'U');
const rows = (columns: ReturnType<typeof column>[], constants: string[] = []) =>
  sampleRows({ tenantColumn, columns, constants, tenants });

afterEach(() => vi.useRealTimers());

describe('sample rows', () => {
  test('are the own tenant’s, another’s and nobody’s', () => {
    expect(rows([]).map(({ owner, tenant }) => [owner, tenant])).toEqual([
      ['own', tenants.own],
      ['other', tenants.other],
      ['none', null],
    ]);
  });

  test('are those of a tenant that the policy names', () => {
    const named = '11111111-2222-4333-8444-555555555555';
    expect(
      rows([], [named, 'draft'])
        .filter(({ owner }) => owner === 'other')
        .map(({ tenant }) => tenant),
    ).toEqual([tenants.other, named]);
  });

  test('hold each value that the policy names in each column that could hold it, and the own tenant', () => {
    vi.setSystemTime('2024-05-06T07:08:09Z');
    const values = (name: string, found: ReturnType<typeof rows>) => new Set(found.map((row) => row.values[name]));
    const found = rows([column('status', 'text', 'S'), column('open', 'boolean', 'B')], ['draft']);
    expect(values('status', found)).toEqual(
      new Set([null, 'x', tenants.own, 'draft', SUBJECT, 'somebody@example.invalid']),
    );
    expect(values('open', found)).toEqual(new Set([null, true, false]));
    expect(values('n', rows([column('n', 'integer', 'N')], ['draft', '7', '99999999999']))).toEqual(
      new Set([null, '7', '8', '6', '0', '1']),
    );
    expect(values('n', rows([column('n', 'numeric(3,1)', 'N')], ['99.5', '-100']))).toEqual(
      new Set([null, '99', '98', '-99', '0', '1']),
    );
    expect(values('n', rows([column('n', 'regclass', 'N')], ['7', '-12345']))).toEqual(new Set([null, '7', '0', '1']));
    expect(
      values('d', rows([column('d', 'timestamp with time zone', 'D')], ['2020-02-01 10:00:00+02', 'now'])),
    ).toEqual(new Set([null, '1970-01-01', '2999-12-31', '2024-05-06T07:08:09.000Z', '2020-02-01 10:00:00+02']));
    expect(values('t', rows([column('t', 'time without time zone', 'D')], ['08:30:00', '2020-02-01']))).toEqual(
      new Set([null, '00:00:00', '23:59:59', '08:30:00']),
    );
    expect(values('i', rows([column('i', 'interval', 'T')], ['1 day']))).toEqual(
      new Set([null, '0', '1000 years', '-1000 years']),
    );
    expect(values('code', rows([column('code', 'character varying(3)', 'S')], ['draft', 'abc']))).toEqual(
      new Set([null, 'x', 'abc']),
    );
    expect(values('any', rows([column('any', 'app.odd', 'X')], ['draft', '7']))).toEqual(
      new Set([null, 'x', tenants.own, 'draft', '7']),
    );
    expect(values('any', rows([column('any', 'point', 'G')], ['draft']))).toEqual(new Set([null]));
  });

  test('hold values of types that are made of others', () => {
    const { own } = tenants;
    const values = (type: string, category: string, constants: string[]) =>
      [...new Set(rows([column('c', type, category)], constants).map((row) => row.values['c']))].slice(1);
    expect(values('text[]', 'A', ['a', '{b,c}'])).toEqual([[], [own], ['a'], ['b'], ['c'], ['a', 'b', 'c'], [SUBJECT]]);
    expect(values('integer[]', 'A', ['a', '7'])).toEqual([[], ['7']]);
    expect(values('app.odd[]', 'A', ['a'])).toEqual([[]]);
    expect(values('daterange', 'R', [])).toEqual([
      'empty',
      '(,)',
      '[1970-01-01,1970-01-03)',
      '[2999-12-29,2999-12-31)',
    ]);
    expect(values('int4range', 'R', ['7'])).toEqual(['empty', '(,)', '[0,2)', '[7,7]']);
    expect(values('nummultirange', 'R', [])).toEqual(['{}', '{(,)}', '{[0,2)}']);
    expect(values('app.span', 'R', ['7'])).toEqual(['empty', '(,)']);
    expect(values('inet', 'I', ['10.0.0.0/8', '300.0.0.1', 'fe80::/10', 'a'])).toEqual([
      '127.0.0.1',
      '10.0.0.0',
      'fe80::',
    ]);
    expect(values('bit(3)', 'V', [])).toEqual(['000', '111']);
    expect(values('bytea', 'U', ['\\xBEEF', 'x'])).toEqual(['\\x', '\\xBEEF']);
    expect(values('jsonb', 'U', ['{"a": 1}'])).toEqual([{}, { a: 1 }]);
    const documents = values('jsonb', 'U', ['public', '7']).map((value) => JSON.stringify(value));
    for (const expected of ['{"public":true}', '{"public":"public"}', '{"public":8}', '{"public":{"public":true}}'])
      expect(documents).toContain(expected);
  });

  test('of users stand in documents and arrays as well', () => {
    const personal = (type: string, category: string, constants: string[]) =>
      rows([column('c', type, category)], constants).filter(({ owner, isPersonal }) => owner === 'other' && isPersonal);
    expect(personal('uuid[]', 'A', []).map(({ values }) => values)).toEqual([{ c: [SUBJECT] }]);
    expect(personal('jsonb', 'U', ['owner']).map(({ values }) => values)).toEqual([
      { c: { owner: SUBJECT } },
      { c: { owner: { owner: SUBJECT } } },
    ]);
  });

  test('stay few when there are many columns, and still hold every value', () => {
    const columns = Array.from({ length: 9 }, (_, at) => column(`c${at}`, 'text', 'S'));
    const found = rows(columns, ['a', 'b', 'c']);
    expect(found.length).toBeLessThan(400);
    for (const { name } of columns) expect(new Set(found.map((row) => row.values[name])).size).toBe(8);
  });

  test('tell those that are a user’s own', () => {
    expect(
      rows([column('user_id', 'uuid', 'U')])
        .filter(({ isPersonal }) => isPersonal)
        .map(({ values }) => values),
    ).toEqual([1, 2, 3].map(() => ({ user_id: SUBJECT })));
  });
});

describe('a context sets', () => {
  const source = { settings: ['app.t'], columns: ['tenant_id'], claims: undefined };
  const claims = (context: 'own' | 'forged' | 'garbage', given = source) =>
    JSON.parse(settingsOf(context, given, tenants, 'authenticated')['request.jwt.claims']!);

  test('nothing, the empty string, or the tenant as setting and as claim', () => {
    expect(settingsOf('unset', source, tenants, 'anon')).toEqual({});
    expect(settingsOf('empty', source, tenants, 'anon')).toEqual({ 'app.t': '', 'request.jwt.claims': '' });
    expect(settingsOf('own', source, tenants, 'anon')['app.t']).toBe(tenants.own);
    expect(settingsOf('own-uppercase', source, tenants, 'anon')['app.t']).toBe(tenants.own.toUpperCase());
    expect(claims('own')).toMatchObject({
      role: 'authenticated',
      sub: SUBJECT,
      app_metadata: { tenant_id: tenants.own },
    });
    expect(claims('garbage')).toMatchObject({ tenant_id: 'garbage' });
  });

  test('another tenant only where users may write themselves', () => {
    expect(claims('forged')).toMatchObject({
      tenant_id: tenants.own,
      app_metadata: { tenant_id: tenants.own },
      user_metadata: { tenant_id: tenants.other },
    });
  });

  test('the claims of the configuration', () => {
    const given = { ...source, claims: { org: { ids: ['{tenant}'] }, level: 3 } };
    expect(claims('own', given as never)).toMatchObject({ org: { ids: [tenants.own] }, level: 3 });
    expect(claims('own', given as never)).not.toHaveProperty('app_metadata');
  });

  test('the settings that PostgREST once made of each claim', () => {
    const old = { ...source, settings: ['request.jwt.claim.sub', 'request.jwt.claim.tenant_id'] };
    expect(settingsOf('own', old, tenants, 'anon')).toMatchObject({
      'request.jwt.claim.sub': SUBJECT,
      'request.jwt.claim.tenant_id': tenants.own,
    });
  });
});
