import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/cli/redact.ts';

describe('without knowing any password', () => {
  const { text } = createRedactor({});

  test.each([
    ['postgres://app:geheim@db/clinic', 'postgres://app:***@db/clinic'],
    ['postgres://app:p@ss:w@db:5432/clinic?x=1', 'postgres://app:***@db:5432/clinic?x=1'],
    ['postgres://app:sl/ash@db/clinic', 'postgres://app:***@db/clinic'],
    ["host=db password='it\\'s' user=app", 'host=db password=*** user=app'],
    ['host=db password=geheim user=app', 'host=db password=*** user=app'],
    ['postgres://db/clinic?user=app&password=geheim', 'postgres://db/clinic?user=app&password=***'],
  ])('masks the place of a password in %s', (given, expected) => {
    expect(text(given)).toBe(expected);
  });

  test.each([
    'postgres://app@db:5432/clinic',
    'http://example.com:8080/path',
    'postgres://USER:PASSWORD@HOST:PORT/DATABASE',
    'set the password: "x"',
  ])('leaves %s as it is', (given) => {
    expect(text(given)).toBe(given);
  });
});

describe('a password of the run', () => {
  test('is masked wherever it stands, as typed and as written in a URL', () => {
    const redactor = createRedactor({ MY_DB: 'postgres://app:s3cr%21t@db/clinic', PGPASSWORD: 'geheim' });
    expect(redactor.text('s3cr!t s3cr%21t geheim')).toBe('*** *** ***');
  });

  test('that turns up later counts from then on', () => {
    const redactor = createRedactor({});
    redactor.add('from-pgpass');
    expect(redactor.text('is from-pgpass')).toBe('is ***');
  });

  test('is masked in every text of a value, whose keys and numbers stay', () => {
    const redactor = createRedactor({ PGPASSWORD: 'rows' });
    const at = new Date(0);
    expect(redactor.deep({ rows: 3, list: ['rows', { deep: 'more rows' }], at, none: null })).toEqual({
      rows: 3,
      list: ['***', { deep: 'more ***' }],
      at,
      none: null,
    });
  });

  test('that is also the name of the role or database stays readable outside of its place', () => {
    const redactor = createRedactor({ DATABASE_URL: 'postgres://postgres:postgres@db/postgres' });
    redactor.allow('postgres');
    expect(redactor.text('role postgres, postgres://postgres:postgres@db/postgres')).toBe(
      'role postgres, postgres://postgres:***@db/postgres',
    );
  });

  test('of one to three letters would mask half of every text, so only its place is masked', () => {
    expect(createRedactor({ PGPASSWORD: 'a' }).text('a table, password=a')).toBe('a table, password=***');
  });
});
