import { AishaError } from '../errors.ts';
import { openSession, type RunHooks } from '../migrations/open.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import { quantity } from '../report/quantity.ts';
import { type Batch, makeBatches } from './batches.ts';
import { Place } from './place.ts';
import { planSeed, type SeedPlan, tenantId } from './plan.ts';
import { drawPools, type Pools } from './pools.ts';
import { checkSchema, type Obstacles, qualified, readObstacles, tablesWithRows } from './schema.ts';
import type { SeedTable } from './table.ts';
import { loadTables } from './tables.ts';

export interface SeedOptions {
  /** Decides every value: the same number gives the same bytes. Default 1. */
  readonly seed?: number;
  readonly tenants: number;
  /** Contacts of all tenants together. */
  readonly rows: number;
  /** What to do with tables that hold rows; default `refuse`. */
  readonly existing?: 'refuse' | 'append' | 'truncate';
  /** Checks everything and writes nothing. */
  readonly dryRun?: boolean;
  /** Milliseconds; default 5000. */
  readonly lockTimeoutMs?: number;
}

type Tables = ReadonlyMap<string, SeedTable>;

/**
 * Fills every table of the Aisha schema in one transaction, and vacuums and analyses them: what is there afterwards
 * looks like a database in good order. Interrupted or failed, it leaves nothing.
 * @returns what was made, or would be
 * @throws AishaError (plan: not migrated; connection: refused; lock; rolledBack; interrupted)
 */
export async function seedDatabase(target: Target, options: SeedOptions, hooks: RunHooks): Promise<SeedPlan> {
  const tables = await loadTables();
  const pools = drawPools();
  const settings = {
    lock_timeout: `${options.lockTimeoutMs ?? 5_000}`,
    // For building indexes and checking keys; four times the default.
    maintenance_work_mem: '256MB',
    client_min_messages: 'warning',
    search_path: 'public',
  };
  const session = await openSession(target, 'aisha-db seed', settings, hooks);
  try {
    await checkSchema(session, columnsOf(pools, tables));
    const plan = await fill(session, pools, tables, options, hooks);
    if (!options.dryRun) await tidyUp(session, [...tables.keys()], hooks);
    return plan;
  } finally {
    await session.undo();
    await session.close();
  }
}

/** The columns that each table's rows have. */
function columnsOf(pools: Pools, tables: Tables): ReadonlyMap<string, readonly string[]> {
  const [tenant] = planSeed({ seed: 0, rows: 1, tenants: [0], shared: false }, tables).tenants;
  return new Map(
    [...tables].map(([name, table]) => [name, Object.keys(table.row(new Place(pools, tenant!, name, 0)))]),
  );
}

async function fill(
  session: Session,
  pools: Pools,
  tables: Tables,
  options: SeedOptions,
  hooks: RunHooks,
): Promise<SeedPlan> {
  const names = [...tables.keys()];
  const run = (sql: string) => execute(session, [sql], hooks.signal);
  // Whose tables these are is bound by their policies like everybody else, unless they are not forced.
  await run(`begin;\nselect public.lift_forced_rls(${names.map(quoteLiteral).join(', ')})`);
  const plan = await planFor(session, tables, options);
  if (options.dryRun) return plan;
  const obstacles = await readObstacles(session, names);
  await run(obstacles.clear.join(';\n'));
  if (options.existing === 'truncate') await run(truncation(names));
  await load(session, pools, plan, tables, hooks);
  await restore(obstacles, run, hooks);
  await run('select public.restore_forced_rls()');
  await run('commit');
  return plan;
}

/** @throws AishaError (connection) when the tables hold rows and nothing says what is to become of them */
async function planFor(session: Session, tables: Tables, options: SeedOptions): Promise<SeedPlan> {
  const { seed = 1, existing = 'refuse', rows } = options;
  const used = existing === 'truncate' ? [] : await tablesWithRows(session, [...tables.keys()]);
  if (used.length > 0 && existing === 'refuse') throw tablesInUse(used);
  const taken = used.length > 0 ? await session.query<{ id: string }>('select id from public.tenant') : [];
  const tenants = freeTenants(seed, options.tenants, new Set(taken.map(({ id }) => id)));
  return planSeed({ seed, rows, tenants, shared: used.length === 0 }, tables);
}

function tablesInUse(tables: readonly string[]): AishaError {
  const more = tables.length > 1 ? ` and ${tables.length - 1} more tables` : '';
  return new AishaError('connection', `the database holds rows already, in ${tables[0]}${more}`, {
    hint: 'Add --append to make more tenants beside them, or --truncate to remove all of them first.',
  });
}

/** The first numbers whose tenants are not there yet. */
function freeTenants(seed: number, count: number, taken: ReadonlySet<string>): number[] {
  const free: number[] = [];
  for (let index = 0; free.length < count; index++) if (!taken.has(tenantId(seed, index))) free.push(index);
  return free;
}

/** Accounts of no tenant are kept: migrations make them, and nothing else would bring them back. */
function truncation(tables: readonly string[]): string {
  const others = tables.filter((table) => table !== 'users').map(qualified);
  return `truncate ${others.join(', ')};\ndelete from public.users where tenant_id is not null`;
}

/** While the server stores one batch the next one is made: two processors, one for each. */
async function load(session: Session, pools: Pools, plan: SeedPlan, tables: Tables, hooks: RunHooks): Promise<void> {
  const progress = reportProgress(plan, hooks);
  progress(0, 'all tables');
  let storing: Promise<Error | undefined> = Promise.resolve(undefined);
  for (const [name, table] of tables) {
    for await (const batch of makeBatches(pools, plan.tenants, name, table)) {
      refuseFailure(await storing, hooks.signal);
      progress(batch.rows, name);
      storing = copy(session, name, batch);
    }
  }
  refuseFailure(await storing, hooks.signal);
}

async function copy(session: Session, table: string, { columns, text }: Batch): Promise<Error | undefined> {
  const list = columns.map(quoteIdentifier).join(', ');
  const { error } = await session.script([`copy ${qualified(table)} (${list}) from stdin`], { copies: [text] });
  return error;
}

/** Milliseconds between two lines. */
const PROGRESS_EVERY = 3_000;

function reportProgress({ rows, total, tenants }: SeedPlan, hooks: RunHooks): (rows: number, table: string) => void {
  const named = tenants.filter(({ id }) => id !== null).length;
  hooks.info(
    `loading ${quantity(total)} rows of ${named === 1 ? '1 tenant' : `${quantity(named)} tenants`} into ${Object.keys(rows).length} tables`,
  );
  let done = 0;
  let lastLine = Date.now();
  return (count, table) => {
    done += count;
    if (Date.now() - lastLine < PROGRESS_EVERY) return;
    lastLine = Date.now();
    hooks.info(`${table}: ${quantity(done)} of ${quantity(total)} rows, ${Math.floor((100 * done) / total)} %`);
  };
}

async function restore(
  { restore: statements }: Obstacles,
  run: (sql: string) => Promise<void>,
  hooks: RunHooks,
): Promise<void> {
  hooks.info('building indexes and checking foreign keys');
  // One by one: an interruption is heard between two of them.
  for (const statement of statements) await run(statement);
}

/** Statistics and visibility map, as autovacuum would have them after a while. Rows stay also when this fails. */
async function tidyUp(session: Session, tables: readonly string[], hooks: RunHooks): Promise<void> {
  hooks.info('vacuuming and analysing');
  const { error } = await session.script([`vacuum (analyze) ${tables.map(qualified).join(', ')}`]);
  if (error !== undefined) hooks.warn(`the rows are there, but were not vacuumed: ${error.message}`);
}

async function execute(session: Session, sql: readonly string[], signal: AbortSignal): Promise<void> {
  const { error } = await session.script(sql);
  refuseFailure(error, signal);
}

function refuseFailure(error: Error | undefined, signal: AbortSignal): void {
  if (signal.aborted) throw new AishaError('interrupted', 'interrupted; no row was added');
  if (error !== undefined) throw seedError(error);
}

function seedError(error: Error): AishaError {
  const server = serverError(error);
  const kind = server?.code === SQLSTATE.lockNotAvailable ? 'lock' : 'rolledBack';
  return new AishaError(kind, `no row was added: ${error.message}`, {
    details: [server?.detail, server?.where].filter((line) => line !== undefined),
    hint:
      kind === 'lock'
        ? 'The tables are in use: end what works with them, or wait longer with --lock-timeout.'
        : 'The database is as it was before; mend the cause and run again.',
    ...(server === undefined ? {} : { sqlState: server.code }),
    cause: error,
  });
}
