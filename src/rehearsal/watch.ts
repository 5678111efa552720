import { setTimeout as sleep } from 'node:timers/promises';
import { readCatalog } from '../backup/catalog.ts';
import type { Session } from '../postgres/session.ts';
import { type CatalogPrint, type LedgerPlace, printCatalog } from './catalog-print.ts';
import type { RelationState, Step } from './observation.ts';
import { OWN_SCHEMA } from './own-schema.ts';
import { RELATIONS, STEPS } from './witness.ts';

/** The copy between two files. */
export interface Snapshot {
  readonly catalog: CatalogPrint;
  readonly relations: readonly RelationState[];
  readonly bytes: number;
}

export async function takeSnapshot(admin: Session, ledger: LedgerPlace): Promise<Snapshot> {
  const catalog = await readCatalog(admin, [OWN_SCHEMA]);
  const relations = await admin.query<RelationState>(RELATIONS);
  const [size] = await admin.query<{ bytes: number }>(
    'select pg_catalog.pg_database_size(pg_catalog.current_database())::float8 as bytes',
  );
  const own = catalog.filter(({ name }) => !name.startsWith(OWN_SCHEMA));
  return { catalog: printCatalog(own, ledger), relations, bytes: size!.bytes };
}

/** What the transactions of a file said of themselves, read once each. */
export class StepReader {
  readonly #admin: Session;
  /** Since 15 the counters of a session are flushed after each step; before, they add up. */
  readonly #addsUp: boolean;
  #last = 0;

  constructor(admin: Session, serverMajor: number) {
    this.#admin = admin;
    this.#addsUp = serverMajor < 15;
  }

  async next(): Promise<Step[]> {
    const steps = await this.#admin.query<Step & { number: number }>(STEPS, [this.#last]);
    this.#last = steps.at(-1)?.number ?? this.#last;
    return this.#addsUp ? apart(steps) : steps;
  }
}

/** Steps of one session whose counters add up: of each, what it added. */
function apart(steps: readonly Step[]): Step[] {
  return steps.map((step, index) => {
    const before = new Map(steps[index - 1]?.changes.map((change) => [change.oid, change]));
    const changes = step.changes.map((change) => {
      const was = before.get(change.oid);
      // Counters that shrank were flushed in between: they began again.
      if (was === undefined || change.inserted < was.inserted || change.scans < was.scans) return change;
      return {
        oid: change.oid,
        inserted: change.inserted - was.inserted,
        updated: change.updated - was.updated,
        deleted: change.deleted - was.deleted,
        scans: change.scans - was.scans,
        scanned: change.scanned - was.scanned,
      };
    });
    return { ...step, changes };
  });
}

const SAMPLE_MS = 10;

/**
 * Looks at the locks of the session that migrates while `work` goes on: a statement outside of a transaction has let go
 * of its locks when its ledger row is written. A lock that is held for less than 10 ms may be missed.
 */
export async function sampleLocks<T>(admin: Session, work: () => Promise<T>): Promise<{ result: T; step: Step }> {
  const seen = new Map<string, { oid: number; mode: string }>();
  let isDone = false;
  const working = work().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const locks = await admin.query<{ oid: number; mode: string }>(SAMPLE).catch(() => []);
    for (const lock of locks) seen.set(`${lock.oid} ${lock.mode}`, lock);
    await sleep(SAMPLE_MS);
  }
  return { result: await working, step: { locks: [...seen.values()], changes: [] } };
}

const SAMPLE = `
  select distinct l.relation::bigint::float8 as oid, l.mode
  from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'relation' and l.granted and l.relation >= 16384 and a.application_name in ('aisha-db migrate', 'aisha-db rollback')
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())`;
