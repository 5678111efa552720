import { expect, test } from 'vitest';
import { serviceParameters } from '../../src/postgres/service-file.ts';

const FILE = `
# comment
[dev]
host=localhost
port = 5433

[prod]
# comment inside
host=db.example.com
options=-c search_path=app
password=a=b
`;

test('reads the section of the service up to the next one', () => {
  expect(serviceParameters(FILE, 'dev', 'f')).toEqual({ host: 'localhost', port: '5433' });
});

test('the value is everything behind the first =', () => {
  expect(serviceParameters(FILE, 'prod', 'f')).toEqual({
    host: 'db.example.com',
    options: '-c search_path=app',
    password: 'a=b',
  });
});

test('a service that the file does not have is undefined', () => {
  expect(serviceParameters(FILE, 'pro', 'f')).toBeUndefined();
});

test.each([
  ['a line without =', '[s]\nhost=x\nsecret-word\n', 'f:3 is not key=value'],
  ['a service inside a service', '[s]\nservice=t\n', 'f:2 names a service inside a service'],
])('%s is refused with its line, unquoted', (_, text, message) => {
  expect(() => serviceParameters(text, 's', 'f')).toThrow(expect.objectContaining({ kind: 'usage', message }));
});

test('a broken line in another section does not matter', () => {
  expect(serviceParameters('[a]\nbroken\n[b]\nhost=x', 'b', 'f')).toEqual({ host: 'x' });
});
