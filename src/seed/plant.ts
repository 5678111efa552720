import { AishaError } from '../errors.ts';
import { openSession, type RunHooks } from '../migrations/open.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { Target } from '../postgres/target.ts';
import type { Fault, OutsideStatement } from './fault.ts';
import { loadFault } from './faults.ts';

/** A fault that is in the database now. */
export interface PlantedFault {
  readonly name: string;
  readonly summary: string;
  /** What is wrong now: tables, indexes, rows. */
  readonly objects: readonly string[];
}

export interface PlantOptions {
  /** Milliseconds. */
  readonly lockTimeoutMs: number;
}

/**
 * Plants faults, one after the other, and looks whether each is there. Planting one again does no more harm.
 * @throws AishaError (plan) when the data have nothing to plant a fault on, (rolledBack) when the server refuses,
 * (interrupted); what was planted before stays
 */
export async function plantFaults(
  target: Target,
  names: readonly string[],
  options: PlantOptions,
  hooks: RunHooks,
): Promise<PlantedFault[]> {
  const settings = { lock_timeout: `${options.lockTimeoutMs}`, client_min_messages: 'warning', search_path: 'public' };
  const session = await openSession(target, 'aisha-db seed', settings, hooks);
  try {
    const planted: PlantedFault[] = [];
    for (const name of names) {
      if (hooks.signal.aborted) throw interrupted(planted);
      hooks.info(`planting ${name}`);
      planted.push(await plantOne(session, name, await loadFault(name)));
    }
    return planted;
  } finally {
    await session.undo();
    await session.close();
  }
}

async function plantOne(session: Session, name: string, fault: Fault): Promise<PlantedFault> {
  const { summary, plant, outside = [], needs } = fault;
  if (plant !== undefined) await run(session, name, lifted(plant));
  for (const statement of outside) await runOutside(session, name, statement);
  // Counters reach the statistics with the next transaction that ends, and not only after a second.
  await run(session, name, 'select pg_stat_force_next_flush()');
  const objects = await findEvidence(session, fault);
  if (objects.length > 0) return { name, summary, objects };
  throw new AishaError('plan', `the data have nothing to plant "${name}" on`, {
    hint: `It needs ${needs ?? 'rows in every table'}: seed with more --rows or --tenants.`,
  });
}

/** Whose tables these are is bound by their policies as well, unless they are not forced. */
function lifted(sql: string): string {
  return `begin;\nselect public.lift_forced_rls();\n${sql};\nselect public.restore_forced_rls();\ncommit`;
}

/** The objects that are faulty now. */
export async function findEvidence(session: Session, { evidence, inRows }: Fault): Promise<string[]> {
  await session.query(inRows ? 'begin' : 'begin read only');
  try {
    if (inRows) await session.query('select public.lift_forced_rls()');
    return (await session.query<{ object: string }>(evidence)).map(({ object }) => object);
  } finally {
    await session.undo();
  }
}

async function run(session: Session, name: string, sql: string): Promise<void> {
  const { error } = await session.script([sql]);
  if (error !== undefined) throw plantError(name, error);
}

async function runOutside(session: Session, name: string, { sql, failsWith }: OutsideStatement): Promise<void> {
  const { error } = await session.script([sql]);
  const code = error && serverError(error)?.code;
  if (error !== undefined && (failsWith === undefined || code !== failsWith)) throw plantError(name, error);
}

function plantError(name: string, error: Error): AishaError {
  const server = serverError(error);
  return new AishaError('rolledBack', `fault "${name}" was not planted: ${error.message}`, {
    details: [server?.detail, server?.where].filter((line) => line !== undefined),
    hint: 'Faults are planted in a database that was migrated and seeded, by the owner of its tables.',
    ...(server === undefined ? {} : { sqlState: server.code }),
    cause: error,
  });
}

function interrupted(planted: readonly PlantedFault[]): AishaError {
  const names = planted.map(({ name }) => name).join(', ');
  const there = names === '' ? 'no fault was planted' : `planted were ${names}`;
  return new AishaError('interrupted', `interrupted; ${there}`);
}
