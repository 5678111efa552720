import { expect, test } from 'vitest';
import { connectionError } from '../../src/postgres/connection-error.ts';
import { resolveTarget } from '../../src/postgres/target.ts';

function explain(url: string, error: Error) {
  return connectionError(error, resolveTarget({ databaseUrl: url, env: {} }), []);
}

function withCode(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

const DIRECT = 'postgres://postgres:x@db.abcdefghij.supabase.co:5432/postgres';

test.each(['ENOTFOUND', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT'])(
  '%s of a direct Supabase host, which has IPv6 only, leads to the session pooler',
  (code) => {
    const { hint } = explain(DIRECT, withCode(code));
    expect(hint).toContain('aws-0-REGION.pooler.supabase.com, port 5432, user postgres.abcdefghij');
  },
);

test('a refused connection to a direct Supabase host has another reason than IPv6', () => {
  expect(explain(DIRECT, withCode('ECONNREFUSED')).hint).not.toContain('pooler');
});

test('when every address of a name failed, the first failure speaks for all', () => {
  const error = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]);
  expect(explain('postgres://u@h/d', error).message).toBe('nothing listens at h:5432');
});

test.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'not signed by a trusted authority', 'sslrootcert'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'not signed by a trusted authority', 'sslrootcert'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'not signed by a trusted authority', 'sslrootcert'],
  ['CERT_HAS_EXPIRED', 'is not valid', 'clock'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS with h:5432 failed', 'sslmode'],
  ['ENETUNREACH', 'cannot be reached', 'network'],
  ['EAI_AGAIN', 'cannot be found (DNS)', 'name servers'],
  ['EACCES', 'cannot be reached', 'firewall'],
])('%s is explained', (code, message, hint) => {
  const error = explain('postgres://u@h/d', withCode(code));
  expect(error).toMatchObject({
    kind: 'connection',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
  expect(error.sqlState).toBeUndefined();
});

test.each(['ENOENT', 'EACCES'])('%s of a Unix socket names the socket', (code) => {
  const error = explain('postgres://u@%2Frun%2Fpg:5433/d', withCode(code));
  expect(error.message).toContain('/run/pg/.s.PGSQL.5433');
});

test('what is not known keeps its message and its cause', () => {
  const cause = new Error('Something odd');
  const error = explain('postgres://u@h/d', cause);
  expect(error.message).toBe('connection to h:5432/d as u failed: something odd');
  expect(error.cause).toBe(cause);
});

test.each([
  [{ databaseUrl: 'postgres://u@h/d' }, '--database-url'],
  [{ env: { DATABASE_URL: 'postgres://u@h/d' } }, 'DATABASE_URL'],
  [{ env: { PGHOST: 'h', PGUSER: 'u' } }, 'the PG* variables'],
  [
    { environment: 'dev', environments: { dev: { urlFrom: 'X', protected: false } }, env: { X: 'postgres://u@h/d' } },
    'environment dev',
  ],
])('the source of the address is named: %j', (sources, name) => {
  const error = connectionError(withCode('ECONNREFUSED'), resolveTarget({ env: {}, ...sources }), ['a', 'b']);
  expect(error.details).toEqual(['tried a', 'tried b', `address from ${name}`]);
});
