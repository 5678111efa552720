import { describe, expect, test } from 'vitest';
import { passfileWarning, passwordFromFile } from '../../src/postgres/passfile.ts';

const QUERY = { host: 'db.example.com', port: 5432, database: 'app', user: 'aisha' };

describe('passwordFromFile', () => {
  test.each([
    ['all four fields match', 'db.example.com:5432:app:aisha:secret', 'secret'],
    ['wildcards match anything', '*:*:*:aisha:secret', 'secret'],
    ['the first match counts', '*:*:*:*:first\ndb.example.com:5432:app:aisha:second', 'first'],
    ['another host does not match', 'other:5432:app:aisha:secret', undefined],
    ['another port does not match', 'db.example.com:5433:app:aisha:secret', undefined],
    ['another user does not match', '*:*:*:aish:secret', undefined],
    ['a * inside a field is no wildcard', 'db.*:5432:app:aisha:secret', undefined],
    ['comments and broken lines are passed over', '# *:*:*:*:no\n\nnonsense\n*:*:*:*:secret', 'secret'],
    ['the password is the rest of the line', '*:*:*:*:a:b c', 'a:b c'],
    ['escapes in the password are undone', '*:*:*:*:a\\:b\\\\c', 'a:b\\c'],
    ['CRLF line ends', '*:*:*:*:secret\r\n', 'secret'],
  ])('%s', (_, text, password) => {
    expect(passwordFromFile(text, QUERY)).toBe(password);
  });

  test('escaped colons in a field match an address with colons', () => {
    expect(passwordFromFile('\\:\\:1:5432:app:aisha:secret', { ...QUERY, host: '::1' })).toBe('secret');
  });

  test('the default socket is looked up as localhost, another one by its folder', () => {
    const text = 'localhost:*:*:*:default\n/srv/pg:*:*:*:own';
    expect(passwordFromFile(text, { ...QUERY, host: '/var/run/postgresql' })).toBe('default');
    expect(passwordFromFile(text, { ...QUERY, host: '/srv/pg' })).toBe('own');
  });
});

describe('passfileWarning', () => {
  test.each([
    [0o100600, 'linux', false],
    [0o100400, 'linux', false],
    [0o100640, 'linux', true],
    [0o100604, 'darwin', true],
    [0o100666, 'win32', false],
  ] as const)('mode %o on %s: ignored %s', (mode, platform, isIgnored) => {
    expect(passfileWarning('/home/a/.pgpass', mode, platform) !== undefined).toBe(isIgnored);
  });

  test('names the file and what to do', () => {
    expect(passfileWarning('/home/a/.pgpass', 0o100644, 'linux')).toBe(
      'password file "/home/a/.pgpass" has group or world access and is ignored; permissions should be u=rw (0600) or less',
    );
  });
});
