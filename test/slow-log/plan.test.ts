import { describe, expect, test } from 'vitest';
import {
  effectiveValues,
  howToAllow,
  isDone,
  parseThreshold,
  planChange,
  readScope,
  type SlowLogFacts,
} from '../../src/slow-log/plan.ts';

const HOSTILE = `Ow"ner's %s `;

function facts(given: Partial<SlowLogFacts> = {}): SlowLogFacts {
  return {
    database: 'app',
    role: 'owner',
    versionNumber: 150_000,
    isSuperuser: false,
    isSupabase: false,
    server: -1,
    stored: [],
    roles: [
      { name: 'owner', sessions: 1 },
      { name: 'web', sessions: 20 },
    ],
    ...given,
  };
}

describe('a threshold', () => {
  test.each([
    ['100ms', 100],
    ['1.5s', 1500],
    ['off', -1],
    ['0', 0],
  ])('%s is %d ms', (text, expected) => expect(parseThreshold(text)).toBe(expected));

  test.each(['100', 'fast', '-5ms', ''])('"%s" is none', (text) =>
    expect(() => parseThreshold(text)).toThrow(`the threshold "${text}" is not a duration`),
  );
});

test('the value of a role in the database goes before that of the role, the database and the server', () => {
  const stored = [
    { role: undefined, isThisDatabase: true, threshold: 300 },
    { role: 'web', isThisDatabase: false, threshold: 200 },
    { role: 'web', isThisDatabase: true, threshold: 100 },
  ];
  const of = (skip: number) =>
    effectiveValues(facts({ server: 400, stored: stored.slice(0, skip) })).map(({ threshold, from }) => [
      threshold,
      from,
    ]);
  expect(of(0)).toEqual([
    [400, 'server'],
    [400, 'server'],
  ]);
  expect(of(1)[1]).toEqual([300, 'database']);
  expect(of(2)).toEqual([
    [300, 'database'],
    [200, 'role'],
  ]);
  expect(of(3)[1]).toEqual([100, 'role in this database']);
});

describe('the statement', () => {
  const database = 'My "db"';
  test.each([
    [{ kind: 'database' } as const, 100, `alter database "My ""db""" set log_min_duration_statement = '100ms';`],
    [{ kind: 'database' } as const, undefined, 'alter database "My ""db""" reset log_min_duration_statement;'],
    [{ kind: 'server' } as const, -1, 'alter system set log_min_duration_statement = -1;'],
    [
      { kind: 'role', role: HOSTILE, allDatabases: false } as const,
      0,
      `alter role "Ow""ner's %s " in database "My ""db""" set log_min_duration_statement = '0ms';`,
    ],
    [
      { kind: 'role', role: HOSTILE, allDatabases: true } as const,
      1_000,
      `alter role "Ow""ner's %s " set log_min_duration_statement = '1000ms';`,
    ],
  ])('for %o is quoted', (scope, after, statement) =>
    expect(planChange(facts({ database }), scope, after).statement).toBe(statement),
  );
});

test('roles with a stronger value are named, weaker and equal ones are not', () => {
  const stored = [
    { role: 'web', isThisDatabase: false, threshold: 5_000 },
    { role: undefined, isThisDatabase: true, threshold: 300 },
  ];
  const shadowed = (scope: Parameters<typeof planChange>[1]) =>
    planChange(facts({ stored }), scope, 100).shadowed.map(({ role }) => role);
  expect(shadowed({ kind: 'server' })).toEqual(['owner', 'web']);
  expect(shadowed({ kind: 'database' })).toEqual(['web']);
  expect(shadowed({ kind: 'role', role: 'web', allDatabases: true })).toEqual([]);
});

test('a value that is there already is nothing to do, and taking away what is not there neither', () => {
  const stored = [{ role: undefined, isThisDatabase: true, threshold: 100 }];
  const done = (after: number | undefined, given: Partial<SlowLogFacts>) =>
    isDone(planChange(facts(given), { kind: 'database' }, after));
  expect([done(100, { stored }), done(undefined, { stored }), done(undefined, {}), done(100, {})]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

describe('who may not is told', () => {
  const hint = (given: Partial<SlowLogFacts>, scope: Parameters<typeof planChange>[1]) => {
    const all = facts(given);
    return howToAllow(all, planChange(all, scope, 100));
  };
  test('the grant, from PostgreSQL 15 on', () => {
    expect(hint({ role: HOSTILE }, { kind: 'database' })).toContain(
      `grant set on parameter log_min_duration_statement to "Ow""ner's %s ";`,
    );
    expect(hint({}, { kind: 'server' })).toContain('grant alter system on parameter');
  });
  test('that a superuser has to, before', () => {
    const told = hint({ versionNumber: 140_012 }, { kind: 'database' });
    expect(told).toMatch(/^A superuser has to run it: alter database/);
    expect(told).not.toContain('grant');
  });
  test('that a role can be set on Supabase', () =>
    expect(hint({ isSupabase: true }, { kind: 'database' })).toContain(
      'aisha-db slow-log set 100ms --role authenticator --all-databases',
    ));
});

test('options that name two places are refused', () => {
  expect(() => readScope({ server: true, role: 'web' })).toThrow('--server and --role name two places');
  expect(() => readScope({ allDatabases: true })).toThrow('--all-databases needs --role');
  expect(readScope({ role: 'web', allDatabases: true })).toEqual({ kind: 'role', role: 'web', allDatabases: true });
});
