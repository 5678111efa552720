import { quoteIdentifier } from '../postgres/quote.ts';
import type { Target } from '../postgres/target.ts';
import { quantity } from '../report/quantity.ts';
import type { Answer } from './answer.ts';
import { placeOf } from './place.ts';
import type { ServerFacts } from './server-facts.ts';

/** Versions that the program is tested on. */
const OLDEST = 13;
const NEWEST = 18;
/** Of the sessions so many percent may be taken before it is worth a word. */
const CROWDED = 80;

/** Everything that the facts of the server answer. */
export function judgeServer(facts: ServerFacts, target: Target): readonly Answer[] {
  return [
    judgeTls(facts, target),
    { id: 'login', status: 'ok', answer: `as ${facts.role}` },
    judgeDatabase(facts, target),
    judgeSessions(facts),
    judgeVersion(facts),
    judgeWritable(facts),
    judgeExtensions(facts),
    judgePrivileges(facts),
  ];
}

function judgeTls({ encrypted }: ServerFacts, target: Target): Answer {
  const { kind } = placeOf(target);
  const { mode } = target.ssl;
  if (encrypted === true) {
    const isChecked = mode.startsWith('verify');
    return {
      id: 'tls',
      status: 'ok',
      answer: `with TLS, sslmode ${mode}${isChecked ? '' : '; who answers is not checked'}`,
    };
  }
  if (kind === 'local') return { id: 'tls', status: 'ok', answer: 'without TLS, on this machine' };
  return {
    id: 'tls',
    status: 'bad',
    severity: 'warning',
    answer: 'without TLS, over the network',
    advice: 'Use sslmode=verify-full with the root certificate of the server (docs/configuration.md).',
  };
}

/** The manual's common mistake (11.1): an empty database, or one without the tables one looks for. */
function judgeDatabase({ database, tables, known, bytes }: ServerFacts, target: Target): Answer {
  const { kind } = placeOf(target);
  const size = `${database}: ${quantity(tables)} tables, ${quantity(bytes, 'bytes')}`;
  if (tables > 0) {
    const pack = known.length > 0 ? `, among them ${known.toSorted().join(', ')}` : ', none of the Aisha schema';
    return { id: 'database', status: 'ok', answer: size + pack };
  }
  const local = kind === 'local' ? ' It is a local one: the data of production is on Supabase.' : '';
  return {
    id: 'database',
    status: 'bad',
    severity: 'warning',
    answer: `${size}: it is empty`,
    advice: `Check that it is the one you mean: the target is named above.${local} If it is, aisha-db migrate fills it.`,
  };
}

function judgeSessions({ sessions, maxSessions }: ServerFacts): Answer {
  const answer = `${sessions} of ${maxSessions} are in use`;
  if ((sessions / maxSessions) * 100 < CROWDED) return { id: 'sessions', status: 'ok', answer };
  return {
    id: 'sessions',
    status: 'bad',
    severity: 'warning',
    answer,
    advice: 'End idle sessions (aisha-db connections lists them), use a pooler, or raise max_connections.',
  };
}

function judgeVersion({ version, versionNumber }: ServerFacts): Answer {
  const major = Math.floor(versionNumber / 10_000);
  const answer = `PostgreSQL ${version}`;
  if (major >= OLDEST && major <= NEWEST) return { id: 'server', status: 'ok', answer };
  return {
    id: 'server',
    status: 'bad',
    severity: major < OLDEST ? 'critical' : 'warning',
    answer: `${answer}; aisha-db is tested on ${OLDEST} to ${NEWEST}`,
    advice: major < OLDEST ? 'Upgrade the server: this version gets no fixes any more.' : 'Look for a newer aisha-db.',
  };
}

function judgeWritable({ isReplica, isReadOnly }: ServerFacts): Answer {
  if (isReplica) {
    return {
      id: 'writable',
      status: 'bad',
      severity: 'warning',
      answer: 'it is a replica: it can only be read',
      advice: 'Connect to the primary for migrations and maintenance.',
    };
  }
  if (!isReadOnly) return { id: 'writable', status: 'ok', answer: 'yes' };
  return {
    id: 'writable',
    status: 'bad',
    severity: 'warning',
    answer: 'default_transaction_read_only is on',
    advice: 'A Supabase project that has outgrown its disk is put into this mode: free space, then set it to off.',
  };
}

function judgeExtensions({ extensions }: ServerFacts): Answer {
  const absent = extensions.filter(({ installed }) => !installed);
  if (absent.length === 0) return { id: 'extensions', status: 'ok', answer: 'all of them' };
  const unavailable = absent.filter(({ available }) => !available).map(({ name }) => name);
  const creatable = absent
    .filter(({ available }) => available)
    .map(({ name }) => `create extension ${quoteIdentifier(name)};`);
  return {
    id: 'extensions',
    status: 'bad',
    severity: 'info',
    answer: `not installed: ${absent.map(({ name }) => name).join(', ')}`,
    advice:
      creatable.length > 0
        ? creatable.join(' ')
        : `The server does not have ${unavailable.join(', ')}: install its contrib package; checks that need them are undecided.`,
  };
}

function judgePrivileges(facts: ServerFacts): Answer {
  const role = quoteIdentifier(facts.role);
  const missing = [
    ...(facts.mayCreateSchema
      ? []
      : [
          ['make a schema (for the ledger)', `grant create on database ${quoteIdentifier(facts.database)} to ${role};`],
        ]),
    ...(facts.mayCreateInPublic === false
      ? [['make tables in public', `grant create on schema public to ${role};`]]
      : []),
    ...(facts.seesStatistics ? [] : [['see the statistics of others', `grant pg_read_all_stats to ${role};`]]),
    ...(facts.bypassesRls ? [] : [['pass over row-level security (dumps, tenants)', `alter role ${role} bypassrls;`]]),
  ];
  const powers = facts.isSuperuser ? `${facts.role} is a superuser` : `${facts.role} is no superuser`;
  if (missing.length === 0)
    return { id: 'privileges', status: 'ok', answer: `${powers}, and may do everything that is needed` };
  return {
    id: 'privileges',
    status: 'bad',
    // A role that may only read is enough for most commands.
    severity: 'info',
    answer: `${powers}, and may not ${missing.map(([what]) => what).join('; ')}`,
    advice: missing.map(([, sql]) => sql).join(' '),
  };
}
