import { expect, test } from 'vitest';
import { describePlace, placeOf } from '../../src/doctor/place.ts';
import { resolveTarget } from '../../src/postgres/target.ts';

const target = (databaseUrl: string) => resolveTarget({ databaseUrl, env: {} });

test.each([
  ['postgres://postgres@db.abcdef.supabase.co:5432/postgres', { kind: 'Supabase', project: 'abcdef', via: 'direct' }],
  [
    'postgres://postgres.abcdef@aws-0-eu-central-1.pooler.supabase.com:5432/postgres',
    { kind: 'Supabase', project: 'abcdef', via: 'session pooler' },
  ],
  [
    'postgres://postgres.abcdef@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
    { kind: 'Supabase', project: 'abcdef', via: 'transaction pooler' },
  ],
  ['postgres://app@localhost/app', { kind: 'local', via: 'direct' }],
  ['postgres://app@127.0.0.1:6543/app', { kind: 'local', via: 'transaction pooler' }],
  ['postgres://app@db.example.com/app', { kind: 'remote', via: 'direct' }],
  ['postgres://app@db.abcdef.supabase.co.evil.example/app', { kind: 'remote', via: 'direct' }],
])('%s', (url, expected) => {
  expect(placeOf(target(url))).toEqual(expected);
});

test('it says whether a database is local, of which project, and of which environment', () => {
  expect(describePlace(target('postgres://app@localhost/app'))).toMatch(
    /^a LOCAL server of this machine: localhost:5432\/app as app; no environment/,
  );
  const url = 'postgres://postgres@db.abcdef.supabase.co/postgres';
  const production = resolveTarget({
    environment: 'production',
    environments: { production: { urlFrom: 'PROD', protected: true } },
    env: { PROD: url },
  });
  expect(describePlace(production)).toBe(
    'Supabase project abcdef: db.abcdef.supabase.co:5432/postgres as postgres; environment production, protected; from env:production',
  );
});
