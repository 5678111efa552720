import type { QueryConfig } from 'pg';
import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { readCapabilities } from './capabilities.ts';
import { columnsNeeded, type Definition, variantsById } from './definition.ts';
import type { Obstacle, Outcome, Row } from './facts.ts';
import { explainFailure } from './failure.ts';
import { type Capabilities, findObstacle } from './needs.ts';

export interface RunOptions {
  /** How many checks run side by side. */
  readonly connections: number;
  /** For one check; 0 is no limit. */
  readonly timeoutMs: number;
  readonly ignoreSchemas: readonly string[];
  readonly signal: AbortSignal;
  /** Called once the server has answered. */
  readonly connected: (serverVersion: string) => void;
  readonly onProgress: (done: number, total: number) => void;
}

/** What became of every check, and what was left out of all of them. */
export interface RunResult {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Milliseconds, of those that were run. */
  readonly durations: ReadonlyMap<string, number>;
  readonly ignoredSchemas: readonly string[];
}

/** A check never queues behind a migration: locks it cannot have at once make it undecided. */
const LOCK_TIMEOUT_MS = 250;
/** A client that hangs between two messages must not hold back vacuum. */
const IDLE_TIMEOUT_MS = 10_000;
/** The server ends a statement by itself; after this much longer the network is thought to be gone. */
const GRACE_MS = 5_000;

/**
 * Runs each check in its own short read-only transaction, a few side by side. A check that fails, waits for a lock or
 * takes too long is undecided and does not stop the others.
 * @throws AishaError (connection) when the first session cannot be opened; (interrupted)
 */
export async function runChecks(
  target: Target,
  definitions: readonly Definition[],
  options: RunOptions,
): Promise<RunResult> {
  const first = await openSession(target, options.signal);
  try {
    const [row] = await first.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    options.connected(row!.v);
    const needs = definitions.flatMap((definition) => definition.needs);
    const capabilities = await readCapabilities(first, needs, options.ignoreSchemas);
    const { decided, queue } = prepare(definitions, capabilities);
    const ran = await runQueue(queue, { first, target, capabilities, options });
    const { ignoredSchemas } = capabilities;
    return {
      outcomes: new Map<string, Outcome>([...decided, ...ran.outcomes]),
      durations: ran.durations,
      ignoredSchemas,
    };
  } finally {
    await first.close();
  }
}

function openSession(target: Target, signal: AbortSignal): Promise<Session> {
  return Session.open(target, { applicationName: 'aisha-db diagnose', signal });
}

// ── which checks can run ────────────────────────────────────────────────────────────────────────────────────────────

interface Prepared {
  readonly decided: ReadonlyMap<string, Obstacle>;
  readonly queue: readonly Definition[];
}

/** Of each check the variant for this server; what cannot run is decided already. */
export function prepare(definitions: readonly Definition[], capabilities: Capabilities): Prepared {
  const decided = new Map<string, Obstacle>();
  const queue: Definition[] = [];
  const major = Math.floor(capabilities.versionNumber / 10_000);
  for (const [id, variants] of variantsById(definitions)) {
    const variant = variants.find(({ minPg = 0, maxPg = major }) => minPg <= major && major <= maxPg);
    const obstacle =
      variant === undefined
        ? { kind: 'not-applicable' as const, reason: versionReason(variants, major) }
        : findObstacle(variant.needs, capabilities);
    if (obstacle !== undefined) decided.set(id, obstacle);
    else if (variant !== undefined) queue.push(variant);
  }
  return { decided, queue };
}

function versionReason(variants: readonly Definition[], major: number): string {
  const ranges = variants.map(({ minPg, maxPg }) =>
    maxPg === undefined ? `${minPg} or later` : minPg === undefined ? `${maxPg} or earlier` : `${minPg} to ${maxPg}`,
  );
  return `is for PostgreSQL ${ranges.join(' and ')}; this is ${major}`;
}

// ── side by side ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Bench {
  readonly first: Session;
  readonly target: Target;
  readonly capabilities: Capabilities;
  readonly options: RunOptions;
}

async function runQueue(
  definitions: readonly Definition[],
  bench: Bench,
): Promise<Pick<RunResult, 'outcomes' | 'durations'>> {
  const queue = [...definitions];
  const outcomes = new Map<string, Outcome>();
  const durations = new Map<string, number>();
  const { signal, connections, onProgress } = bench.options;
  const work = async (number: number): Promise<void> => {
    let session = number === 0 ? bench.first : undefined;
    try {
      while (queue.length > 0 && !signal.aborted) {
        // Whoever finds no free connection leaves the rest to the others; the first tries again for each check.
        if (session === undefined && number > 0)
          session = await openSession(bench.target, signal).catch(() => undefined);
        if (session === undefined && number > 0) return;
        const definition = queue.shift();
        if (definition === undefined) return;
        const startedAt = performance.now();
        const { outcome, next } = await attempt(definition, session, bench);
        session = next;
        outcomes.set(definition.id, outcome);
        durations.set(definition.id, Math.round(performance.now() - startedAt));
        onProgress(outcomes.size, definitions.length);
      }
    } finally {
      if (session !== bench.first) await session?.close();
    }
  };
  const workers = Math.max(1, Math.min(connections, queue.length));
  await Promise.all(Array.from({ length: workers }, (_, number) => work(number)));
  if (signal.aborted) throw new AishaError('interrupted', 'interrupted; diagnose only reads');
  return { outcomes, durations };
}

interface Attempt {
  readonly outcome: Outcome;
  /** The session for the next check: the same one, unless it was lost. */
  readonly next: Session | undefined;
}

async function attempt(definition: Definition, given: Session | undefined, bench: Bench): Promise<Attempt> {
  const { options, target, capabilities } = bench;
  let session = given;
  try {
    session ??= await openSession(target, options.signal);
    return { outcome: await ask(definition, session, bench), next: session };
  } catch (error) {
    const circumstances = { role: capabilities.role, timeoutMs: options.timeoutMs, lockTimeoutMs: LOCK_TIMEOUT_MS };
    const outcome: Outcome =
      error instanceof AishaError
        ? { kind: 'unknown', reason: error.message, remediation: error.hint }
        : explainFailure(error, circumstances);
    return { outcome, next: session && (await recover(session)) };
  }
}

/** The session with its transaction undone, or nothing when it is lost. */
async function recover(session: Session): Promise<Session | undefined> {
  try {
    await session.query('rollback');
    return session;
  } catch {
    await session.close();
    return undefined;
  }
}

// ── one check ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function ask(definition: Definition, session: Session, { capabilities, options }: Bench): Promise<Outcome> {
  const { signal, timeoutMs } = options;
  const cut = (): void => session.destroy();
  const timer = timeoutMs === 0 ? undefined : setTimeout(cut, timeoutMs + GRACE_MS);
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    const settings = settingsFor(definition, capabilities, timeoutMs);
    const { error } = await session.script([`begin transaction read only; ${setLocally(settings)}`]);
    if (error !== undefined) throw error;
    const outcome = await readFacts(definition, session);
    await session.query('commit');
    return outcome;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
  }
}

/** The settings of a check's transaction; `diagnose --show` prints them for psql. */
export function settingsFor(
  { needs }: Definition,
  { extensions, ignoredSchemas }: Pick<Capabilities, 'extensions' | 'ignoredSchemas'>,
  timeoutMs: number,
): Readonly<Record<string, string>> {
  const schemas = needs.flatMap((need) => (need.kind === 'extension' ? (extensions.get(need.name)?.schema ?? []) : []));
  const path = ['pg_catalog', ...schemas, 'pg_temp'];
  const readsData = needs.some(({ kind }) => kind === 'table');
  return {
    search_path: [...new Set(path)].map(quoteIdentifier).join(', '),
    'aisha_db.ignored_schemas': `{${ignoredSchemas.map((name) => `"${name.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`,
    statement_timeout: String(timeoutMs),
    lock_timeout: String(LOCK_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(IDLE_TIMEOUT_MS),
    // Rows that a policy hides make a query fail here; they are never missing unnoticed.
    row_security: 'off',
    timezone: 'UTC',
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    // Catalogs are rarely analysed: a nested loop over a hundred thousand indexes never ends.
    ...(readsData ? {} : { enable_nestloop: 'off' }),
  };
}

/** The statement that sets them until the end of the transaction. */
export function setLocally(settings: Readonly<Record<string, string>>): string {
  const calls = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  return `select ${calls.join(', ')}`;
}

/** Runs the query of a check in the transaction that is open. */
export async function readFacts(definition: Definition, session: Session): Promise<Outcome> {
  const result = await session.client.query<Record<string, unknown>>(typed(definition.sql));
  const columns = result.fields.map(({ name }) => name);
  return toFacts(definition, columns, result.rows);
}

/** int2, int4, int8, float4, float8, numeric, oid: all numbers here, exact up to 2^53. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);
const BOOLEAN = 16;

/** As one extended-protocol query: the server itself refuses a second statement. */
function typed(text: string): QueryConfig & { readonly queryMode: 'extended' } {
  const getTypeParser = (oid: number) => (value: string) =>
    NUMBERS.has(oid) ? Number(value) : oid === BOOLEAN ? value === 't' : value;
  return { text, queryMode: 'extended', types: { getTypeParser } as NonNullable<QueryConfig['types']> };
}

function toFacts(definition: Definition, columns: readonly string[], rows: readonly Row[]): Outcome {
  const missing = [...columnsNeeded(definition)].filter((column) => !columns.includes(column));
  if (missing.length === 0) return { kind: 'facts', columns, rows };
  return { kind: 'unknown', reason: `${definition.file}: its query returns no column ${missing.join(', ')}` };
}
