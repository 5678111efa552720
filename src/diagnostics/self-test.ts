import { randomBytes } from 'node:crypto';
import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { readCapabilities } from './capabilities.ts';
import type { Definition } from './definition.ts';
import type { Obstacle, Outcome } from './facts.ts';
import { expectedOn, type SqlFixture } from './fixture.ts';
import type { Capabilities } from './needs.ts';
import { prepare, readFacts, setLocally, settingsFor } from './run.ts';
import { compareWithPlanted, type Verdict } from './self-test-verdict.ts';

export interface SelfTestOptions {
  /** By the id of the check. */
  readonly fixtures: ReadonlyMap<string, SqlFixture>;
  /** For one check. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly connected: (serverVersion: string) => void;
}

/** What is planted is seen by nobody else; only the catalog itself might be locked. */
const LOCK_TIMEOUT_MS = '1000';

/** Why a check without a fixture in SQL cannot be tested here; the project's own tests do. */
const NEEDS_MORE = 'needs sessions or load of its own, which cannot be planted';

/**
 * Plants the defect of each check in a scratch schema, beside what looks like it and is none, and looks whether the check
 * tells them apart. Each has a transaction of its own that is rolled back: nobody sees it, nothing of it stays.
 * @throws AishaError (connection) when there is none; (interrupted)
 */
export async function testChecks(
  target: Target,
  definitions: readonly Definition[],
  { fixtures, timeoutMs, signal, connected }: SelfTestOptions,
): Promise<ReadonlyMap<string, Verdict>> {
  const session = await Session.open(target, { applicationName: 'aisha-db diagnose', signal });
  const cut = (): void => session.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    connected(row!.v);
    const plantable = definitions.filter(({ id }) => whyNotPlantable(fixtures.get(id)) === undefined);
    // Tables that a check needs are planted with its defect.
    const elsewhere = plantable.map((one) => ({ ...one, needs: one.needs.filter(({ kind }) => kind !== 'table') }));
    const capabilities = await readCapabilities(
      session,
      elsewhere.flatMap(({ needs }) => needs),
      [],
    );
    const { decided, queue } = prepare(elsewhere, capabilities);
    const verdicts = new Map<string, Verdict>([
      ...definitions.flatMap(({ id }): [string, Obstacle][] => {
        const reason = whyNotPlantable(fixtures.get(id));
        return reason === undefined ? [] : [[id, { kind: 'not-applicable', reason }]];
      }),
      ...decided,
    ]);
    for (const { id, file } of queue) {
      const definition = plantable.find((one) => one.file === file)!;
      verdicts.set(id, await testOne(definition, fixtures.get(id)!, { session, capabilities, timeoutMs }));
    }
    return verdicts;
  } catch (error) {
    if (signal.aborted) throw new AishaError('interrupted', 'interrupted; nothing of the self-test remains');
    throw error;
  } finally {
    signal.removeEventListener('abort', cut);
    await session.close();
  }
}

interface Bench {
  readonly session: Session;
  readonly capabilities: Capabilities;
  readonly timeoutMs: number;
}

function whyNotPlantable(fixture: SqlFixture | undefined): string | undefined {
  return fixture === undefined ? NEEDS_MORE : fixture.notPlanted;
}

async function testOne(definition: Definition, fixture: SqlFixture, bench: Bench): Promise<Verdict> {
  const { session, capabilities } = bench;
  const scratch = `aisha_db_self_test_${randomBytes(4).toString('hex')}`;
  const moved = (text: string) => text.replaceAll(/\bpublic\./g, `${scratch}.`);
  try {
    const outcome = await plantAndAsk(
      { ...definition, sql: moved(definition.sql) },
      moved(plantingOf(fixture)),
      scratch,
      bench,
    );
    const expected = expectedOn(fixture.expected, capabilities.versionNumber).map(moved);
    return compareWithPlanted(definition, fixture, expected, outcome);
  } catch (error) {
    if (serverError(error) === undefined) throw error;
    return whyNotPlanted(error, session.target);
  } finally {
    await session.undo();
  }
}

function plantingOf({ lookAlike, bad }: SqlFixture): string {
  return `${lookAlike}\n${bad}`;
}

async function plantAndAsk(definition: Definition, sql: string, scratch: string, bench: Bench): Promise<Outcome> {
  const { session, capabilities, timeoutMs } = bench;
  await session.query('begin');
  const others = await session.query<{ name: string }>('select nspname::text as name from pg_catalog.pg_namespace');
  const limits = { statement_timeout: String(timeoutMs), lock_timeout: LOCK_TIMEOUT_MS, search_path: scratch };
  // EXECUTE refuses what would end the transaction, or cannot be undone with it.
  const plant = `do ${quoteLiteral(`begin execute ${quoteLiteral(sql)}; end`)}`;
  const { error } = await session.script([`create schema ${scratch}; ${setLocally(limits)}; ${plant}`]);
  if (error !== undefined) throw error;
  // What was there before is looked at by the check itself, not by its test.
  const server = { ...capabilities, ignoredSchemas: others.map(({ name }) => name) };
  const { error: refused } = await session.script([
    `set local transaction_read_only = on; ${setLocally(settingsFor(definition, server, timeoutMs))}`,
  ]);
  if (refused !== undefined) throw refused;
  return readFacts(definition, session);
}

function whyNotPlanted(error: unknown, { database, user }: Target): Obstacle {
  const { code, message } = serverError(error)!;
  const reason = `could not be tested: ${message}`;
  if (code === SQLSTATE.insufficientPrivilege && /for database/.test(message)) {
    const remediation = `grant create on database ${quoteIdentifier(database)} to ${quoteIdentifier(user)};`;
    return { kind: 'unknown', reason, remediation };
  }
  const remediation =
    code === SQLSTATE.readOnly
      ? 'Run it where this role may write.'
      : 'Run it on a copy of the database, or an empty one.';
  return { kind: 'unknown', reason, remediation };
}
