import { expect, test } from 'vitest';
import { type IdleSession, judgeSessions } from '../../src/maintenance/idle-sessions.ts';

const idle: IdleSession = {
  pid: 7,
  role: 'app',
  application: 'web',
  client: '10.0.0.1',
  state: 'idle',
  seconds: 700,
  startedAt: '2026-03-01 06:00:00',
  stateSince: '2026-03-01 07:00:00',
  isSuperuser: false,
  mayReplicate: false,
  advisoryLocks: 0,
};

const rules = { olderThanSeconds: 600, spare: ['nightly export'] };

function reasonFor(changes: Partial<IdleSession>): string | undefined {
  const [verdict, ...more] = judgeSessions([{ ...idle, ...changes }], rules);
  if (verdict === undefined || more.length > 0) throw new Error('not one verdict');
  return verdict.spared;
}

test.each<[string, Partial<IdleSession>]>([
  ['an idle session', {}],
  ['one inside a transaction', { state: 'idle in transaction' }],
  ['one inside a failed transaction', { state: 'idle in transaction (aborted)' }],
  ['one inside a transaction that holds an advisory lock', { state: 'idle in transaction', advisoryLocks: 1 }],
  ['one whose name only resembles a pooler', { application: 'real timekeeper', role: 'supabaseless' }],
])('%s is ended', (_, changes) => {
  expect(reasonFor(changes)).toBeUndefined();
});

test.each<[string, Partial<IdleSession>, string]>([
  ['a superuser', { isSuperuser: true }, 'app is a superuser'],
  ['a role of replication', { mayReplicate: true }, 'app may replicate'],
  ['a role of the platform', { role: 'supabase_auth_admin' }, 'supabase_auth_admin is a role of the platform'],
  ['the role of the API', { role: 'authenticator' }, 'authenticator is a role of the platform'],
  ['a pooler', { application: 'Supavisor' }, 'a pooler or a service, which opens it again'],
  ['the API server', { application: 'PostgREST 12.2.0' }, 'a pooler or a service, which opens it again'],
  ['this program', { application: 'aisha-db migrate' }, 'a session of aisha-db'],
  ['an application that is named', { application: 'nightly export' }, 'named with --spare'],
  ['a role that is named', { role: 'nightly export' }, 'named with --spare'],
  ['a holder of an advisory lock', { advisoryLocks: 1 }, 'holds an advisory lock'],
])('%s is spared', (_, changes, reason) => {
  expect(reasonFor(changes)).toBe(reason);
});

test('who has not been idle for long enough is no part of it; the longest come first', () => {
  const sessions = [600, 599.9, 3_600].map((seconds, pid) => ({ ...idle, pid, seconds }));
  expect(judgeSessions(sessions, rules).map(({ session }) => session.pid)).toEqual([2, 0]);
});
