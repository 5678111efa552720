import { formatDuration } from '../duration.ts';
import { AishaError, messageOf } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { readOnly } from '../postgres/read-only.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { readCatalog } from './catalog.ts';
import { byType, namesTable, type Polymorphic } from './conventions.ts';
import { type Crossing, type CrossingOutcome, countCrossingSql, findCrossings, sampleCrossingSql } from './crossing.ts';
import type { CatalogFacts, Obstacle, TableFact } from './facts.ts';
import type { Relation, Unclear } from './relation.ts';
import { type Excluded, exclude, findRelations, select } from './relations.ts';
import type { OrphansSettings } from './settings.ts';
import { countSql, sampleSql, valuesSql } from './sql.ts';

export interface CountOptions extends OrphansSettings {
  readonly ignoreSchemas: readonly string[];
  /** Names of columns that say whose a row is. */
  readonly tenantColumns: readonly string[];
  /** Tables and relations to look at; all when empty. */
  readonly names: readonly string[];
  /** Estimates alone: no table is read but for the values of type columns. */
  readonly estimateOnly: boolean;
  readonly signal: AbortSignal;
  /** Called once the server has answered. */
  readonly connected: (serverVersion: string) => void;
  readonly onProgress: (done: number, total: number, next: string) => void;
}

/** What the planner thinks before anything is read. */
interface Estimate {
  /** Rows of the child. */
  readonly rows: number;
  /** Planner's cost of the count: one page read in sequence is 1. */
  readonly cost: number;
}

interface Counted {
  readonly relation: Relation;
  readonly estimate: Estimate | undefined;
  /** Exact, or `undefined` with an obstacle. */
  readonly orphans: number | undefined;
  readonly obstacle: Obstacle | undefined;
  /** Keys of a few orphans, column by column as in `sampleColumns`. */
  readonly sample: readonly (readonly (string | null)[])[];
}

export interface CountResult {
  readonly facts: CatalogFacts;
  /** Every relation that is not excluded, whatever was asked for. */
  readonly known: readonly Relation[];
  readonly counted: readonly Counted[];
  readonly unclear: readonly Unclear[];
  readonly excluded: readonly Excluded[];
  /** Relations between rows of tenants: none when only estimates were asked for. */
  readonly crossings: readonly CrossingOutcome[];
}

/** Counting never queues behind a migration: locks it cannot have at once make a relation undecided. */
const LOCK_TIMEOUT_MS = 250;
/** Reading the catalog and planning; counting has a limit of its own. */
const LOOK_TIMEOUT_MS = 60_000;
const SAMPLE = 5;

/**
 * Finds the relations, estimates what counting them costs, and counts the cheapest first, each in its own short
 * read-only transaction. One that fails, waits for a lock or takes too long does not stop the others.
 * @throws AishaError (connection; usage for a name or a configured relation that does not exist; interrupted)
 */
export async function countOrphans(target: Target, options: CountOptions): Promise<CountResult> {
  const counter = new Counter(target, options);
  try {
    return await counter.run();
  } finally {
    await counter.close();
  }
}

class Counter {
  readonly #target: Target;
  readonly #options: CountOptions;
  #session: Session | undefined;
  #role = '';

  constructor(target: Target, options: CountOptions) {
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<CountResult> {
    const { names, exclude: patterns, estimateOnly, onProgress } = this.#options;
    const facts = await this.#readFacts();
    this.#role = facts.role;
    const known = findRelations(facts, this.#options);
    const typed = await this.#resolveTypes(known.polymorphic, facts);
    const all = [...known.relations, ...known.unclear, ...typed];
    const { kept, excluded } = exclude(all, patterns);
    const everything = { facts, known: kept.filter((one): one is Relation => 'pairs' in one), excluded };
    const meant = kept.length === 0 ? [] : select(kept, names);
    const relations = meant.filter((one): one is Relation => 'pairs' in one);
    const unclear = meant.filter((one): one is Unclear => !('pairs' in one));
    const estimated: Counted[] = [];
    for (const relation of relations) estimated.push(await this.#estimate(relation));
    if (estimateOnly) return { ...everything, counted: estimated, unclear, crossings: [] };
    const counted = new Map<Relation, Counted>();
    const between = findCrossings(relations, this.#options.tenantColumns);
    const crossings: CrossingOutcome[] = [];
    const total = estimated.length + between.length;
    const byCost = estimated.toSorted((a, b) => (a.estimate?.cost ?? 0) - (b.estimate?.cost ?? 0));
    for (const one of byCost) {
      onProgress(counted.size, total, one.relation.name);
      counted.set(one.relation, one.obstacle === undefined ? await this.#count(one) : one);
    }
    for (const crossing of between) {
      onProgress(counted.size + crossings.length, total, crossing.relation.name);
      crossings.push(await this.#countCrossing(crossing, counted.get(crossing.relation)!.obstacle));
    }
    return { ...everything, counted: relations.map((relation) => counted.get(relation)!), unclear, crossings };
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }

  async #readFacts(): Promise<CatalogFacts> {
    const session = await this.#open();
    const [row] = await session.query<{ v: string }>("select pg_catalog.current_setting('server_version') as v");
    this.#options.connected(row!.v);
    const { ignoreSchemas, add } = this.#options;
    const added = add.flatMap((one) => [
      ...one.columns,
      ...(one.parentColumns ?? []),
      ...(one.when === undefined ? [] : [one.when.column]),
    ]);
    const columns = [...added, ...this.#options.tenantColumns];
    return await readOnly(session, this.#limits(LOOK_TIMEOUT_MS), () =>
      readCatalog(session, { ignoreSchemas, columns }),
    );
  }

  /** One relation for each value that a type column holds. */
  async #resolveTypes(found: readonly Polymorphic[], facts: CatalogFacts): Promise<(Relation | Unclear)[]> {
    const resolved: (Relation | Unclear)[] = [];
    for (const one of found) {
      const { child, column, typeColumn } = one;
      const name = `${child.title}(${column.name})`;
      const denied = missingRight(child, [column.name, typeColumn.name], this.#role);
      const values = denied ?? (await this.#attempt(() => this.#values(one), this.#options.timeoutMs));
      if (!Array.isArray(values)) resolved.push({ name, child, ...(values as Obstacle) });
      else if (values.length > 100)
        resolved.push({ name, child, reason: `${typeColumn.name} holds more than 100 values` });
      else {
        const added = this.#options.add.filter(
          ({ table, columns }) => table === child.title && columns[0] === column.name,
        );
        const left = values.filter((value) => !added.some(({ when }) => when?.value === value));
        const refers = added.length > 0 || values.some((value) => namesTable(one, value, facts));
        if (refers) resolved.push(...left.map((value) => byType(one, value, facts)));
      }
    }
    return resolved;
  }

  async #values({ child, column, typeColumn }: Polymorphic): Promise<string[]> {
    const rows = await this.#session!.query<{ value: string }>(valuesSql(child, column.name, typeColumn.name));
    return rows.map(({ value }) => value);
  }

  async #estimate(relation: Relation): Promise<Counted> {
    const empty = { relation, estimate: undefined, orphans: undefined, sample: [] };
    const { child, parent, pairs, when } = relation;
    const own = [...pairs.map((pair) => pair.child.name), ...(when === undefined ? [] : [when.column])];
    const right =
      missingRight(child, own, this.#role) ??
      missingRight(
        parent,
        pairs.map((pair) => pair.parent.name),
        this.#role,
      );
    if (right !== undefined) return { ...empty, obstacle: right };
    const plan = await this.#attempt(() => this.#plan(relation), LOOK_TIMEOUT_MS);
    return 'reason' in plan ? { ...empty, obstacle: plan } : { ...empty, estimate: plan, obstacle: undefined };
  }

  async #plan(relation: Relation): Promise<Estimate> {
    const [row] = await this.#session!.query<{ 'QUERY PLAN': [{ Plan: { 'Total Cost': number } }] }>(
      `explain (format json) ${countSql(relation)}`,
    );
    return { rows: Math.max(0, relation.child.rows), cost: row!['QUERY PLAN'][0].Plan['Total Cost'] };
  }

  /** What kept its orphans from being counted would keep this as well. */
  async #countCrossing(crossing: Crossing, obstacle: Obstacle | undefined): Promise<CrossingOutcome> {
    const { relation, tenant } = crossing;
    const open = { ...crossing, rows: undefined, sample: [] };
    const why =
      obstacle ??
      missingRight(relation.child, [tenant.child.name], this.#role) ??
      missingRight(relation.parent, [tenant.parent.name], this.#role);
    if (why !== undefined) return { ...open, obstacle: why };
    const outcome = await this.#attempt(async () => {
      const [row] = await this.#session!.query<{ rows: number }>(countCrossingSql(crossing));
      const sample = row!.rows === 0 ? [] : await this.#sample(relation, sampleCrossingSql(crossing, SAMPLE));
      return { rows: row!.rows, sample };
    }, this.#options.timeoutMs);
    return 'reason' in outcome ? { ...open, obstacle: outcome } : { ...crossing, ...outcome, obstacle: undefined };
  }

  async #count(one: Counted): Promise<Counted> {
    const { relation } = one;
    const outcome = await this.#attempt(async () => {
      const [row] = await this.#session!.query<{ orphans: number }>(countSql(relation));
      const sample = row!.orphans === 0 ? [] : await this.#sample(relation, sampleSql(relation, SAMPLE));
      return { orphans: row!.orphans, sample };
    }, this.#options.timeoutMs);
    return 'reason' in outcome ? { ...one, obstacle: outcome } : { ...one, ...outcome };
  }

  /** A nicety: a key that may not be read does not make the count worthless. */
  async #sample({ child }: Relation, sql: string): Promise<Counted['sample']> {
    if (child.primaryKey.some((name) => child.columns.get(name)?.readable !== true)) return [];
    const { rows } = await this.#session!.client.query<(string | null)[]>({
      text: sql,
      rowMode: 'array',
    });
    return rows;
  }

  /** What a transaction found, or why it did not. A session that is lost is opened again. */
  async #attempt<T>(look: () => Promise<T>, timeoutMs: number): Promise<T | Obstacle> {
    try {
      const session = await this.#open();
      return await readOnly(session, this.#limits(timeoutMs), look);
    } catch (error) {
      if (this.#options.signal.aborted) {
        throw new AishaError('interrupted', 'interrupted; counting orphans only reads', { cause: error });
      }
      if (error instanceof AishaError) return { reason: error.message, remediation: error.hint };
      if (serverError(error) === undefined) await this.#forget();
      return explainFailure(error, this.#role, timeoutMs);
    }
  }

  async #open(): Promise<Session> {
    const { signal } = this.#options;
    this.#session ??= await Session.open(this.#target, { applicationName: 'aisha-db orphans', signal });
    return this.#session;
  }

  async #forget(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
  }

  #limits(timeoutMs: number) {
    return { timeoutMs, lockTimeoutMs: LOCK_TIMEOUT_MS, signal: this.#options.signal };
  }
}

/** The right that the role lacks to read these columns, as the statement that grants it. */
function missingRight(table: TableFact, columns: readonly string[], role: string): Obstacle | undefined {
  const to = quoteIdentifier(role);
  if (!table.usage) {
    const remediation = `grant usage on schema ${quoteIdentifier(table.schema)} to ${to};`;
    return { reason: `${role} may not use the schema ${table.schema}`, remediation };
  }
  const denied = columns.filter((name) => table.columns.get(name)?.readable !== true);
  if (denied.length === 0) return undefined;
  const list = [...new Set(denied)].map(quoteIdentifier).join(', ');
  return {
    reason: `${role} may not read ${denied.join(', ')} of ${table.title}`,
    remediation: `grant select (${list}) on ${quoteQualified(table.schema, table.name)} to ${to};`,
  };
}

function explainFailure(error: unknown, role: string, timeoutMs: number): Obstacle {
  const known = serverError(error);
  if (known === undefined) return { reason: `the connection was lost: ${messageOf(error)}` };
  const { code, message, hint } = known;
  if (code === SQLSTATE.canceled && /statement timeout/.test(message)) {
    return {
      reason: `took longer than ${formatDuration(timeoutMs)}`,
      remediation: 'Give it more time with --relation-timeout, or "orphans.timeout" in the configuration.',
    };
  }
  if (code === SQLSTATE.lockNotAvailable) {
    return {
      reason: `waited ${formatDuration(LOCK_TIMEOUT_MS)} for a lock that another session holds`,
      remediation: 'Run it again when that session is done.',
    };
  }
  if (code === SQLSTATE.insufficientPrivilege && /row-level security/.test(message)) {
    return { reason: message, remediation: `alter role ${quoteIdentifier(role)} bypassrls;` };
  }
  return { reason: `${message} (SQLSTATE ${code})`, remediation: hint };
}
