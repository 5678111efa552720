/** A session of the database, as far as the decision to end it needs to know. */
export interface IdleSession {
  readonly pid: number;
  readonly role: string;
  readonly application: string;
  readonly client: string;
  readonly state: string;
  readonly seconds: number;
  /** With the pid this tells the session from a later one with the same pid. */
  readonly startedAt: string;
  readonly stateSince: string;
  readonly isSuperuser: boolean;
  readonly mayReplicate: boolean;
  readonly advisoryLocks: number;
}

/** A session and why it is left alone; without a reason it is to be ended. */
export interface Verdict {
  readonly session: IdleSession;
  readonly spared: string | undefined;
}

export interface IdleRules {
  readonly olderThanSeconds: number;
  /** Roles and names of applications that are left alone, beside those known here. */
  readonly spare: readonly string[];
}

/** Roles of Supabase's own services (its documentation, "Postgres Roles"), and of PgBouncer's log-in query. */
const PLATFORM_ROLE = /^(supabase_.*|authenticator|pgbouncer|postgrest|dashboard_user|pgsodium_.*)$/;
/** How poolers and the services between announce themselves. */
const POOLER = /\b(pgbouncer|supavisor|pgcat|odyssey|pgpool|postgrest|realtime|gotrue|storage[-_ ]api)\b/i;
/** This program's own sessions. */
const OWN = /^aisha-db\b/;

/**
 * Decides which sessions that do nothing are ended: idle ones, and above all those inside a transaction. Spared are what
 * others rely on: superusers, replication, poolers and the platform, this program, and holders of advisory locks.
 */
export function judgeSessions(sessions: readonly IdleSession[], rules: IdleRules): readonly Verdict[] {
  return sessions
    .filter(({ seconds }) => seconds >= rules.olderThanSeconds)
    .toSorted((a, b) => b.seconds - a.seconds)
    .map((session) => ({ session, spared: reasonToSpare(session, rules) }));
}

function reasonToSpare(session: IdleSession, { spare }: IdleRules): string | undefined {
  const { role, application, state, isSuperuser, mayReplicate, advisoryLocks } = session;
  if (OWN.test(application)) return 'a session of aisha-db';
  if (isSuperuser) return `${role} is a superuser`;
  if (mayReplicate) return `${role} may replicate`;
  if (PLATFORM_ROLE.test(role)) return `${role} is a role of the platform`;
  if (POOLER.test(application) || POOLER.test(role)) return 'a pooler or a service, which opens it again';
  if (spare.includes(role) || spare.includes(application)) return 'named with --spare';
  // What holds one says with it that it is at work, even between two statements.
  if (state === 'idle' && advisoryLocks > 0) return 'holds an advisory lock';
  return undefined;
}
