import { messageOf } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import type { RecordedRun, RunOutcome } from './history.ts';
import type { Measures } from './measures.ts';
import { ASSUMED_RATES, type Rates } from './plan.ts';
import { MAINTENANCE_LOCK, maintenanceKey } from './run-lock.ts';
import type { WorkOutcome } from './work.ts';

/** Runs beyond this many are removed when one is added: years of weekly and monthly ones. */
const KEPT_RUNS = 1_000;
/** So many, the latest, are read. */
const READ_RUNS = 60;
/** Statements that took less (ms) say nothing about how fast the server is. */
const TELLING_MS = 1_000;

/** A statement or a task that is to be kept. */
export type TaskRecord = Pick<WorkOutcome, 'state' | 'reason' | 'ms'> &
  Partial<Pick<WorkOutcome, 'bytesBefore' | 'bytesAfter' | 'deadBefore' | 'deadAfter'>> & {
    readonly task: string;
    readonly object?: string;
    readonly statement?: string;
    /** That were read: what the time of the next one is estimated by. */
    readonly bytesRead?: number;
  };

/** The record of runs, in the schema of the ledger; made with the first one. */
export class History {
  readonly #session: Session;
  readonly #runs: string;
  readonly #tasks: string;
  readonly #schema: string;
  #id: number | undefined;

  constructor(session: Session, schema: string) {
    this.#session = session;
    this.#schema = schema;
    this.#runs = quoteQualified(schema, 'maintenance_runs');
    this.#tasks = quoteQualified(schema, 'maintenance_tasks');
  }

  /** Begins a run; why it is not recorded where the role may not, for work matters more than its record. */
  async begin(command: string, by: string, toolVersion: string): Promise<string | undefined> {
    try {
      await this.#create();
      const [row] = await this.#session.query<{ id: number }>(
        `insert into ${this.#runs} (command, run_by, tool_version) values ($1, $2, $3) returning id::float8 as id`,
        [command, by, toolVersion],
      );
      this.#id = row!.id;
      await this.#session.query(
        `delete from ${this.#runs} where id <= (select id from ${this.#runs} order by id desc offset ${KEPT_RUNS} limit 1)`,
      );
      return undefined;
    } catch (error) {
      if (serverError(error) === undefined) throw error;
      return messageOf(error);
    }
  }

  async add(record: TaskRecord): Promise<void> {
    if (this.#id === undefined) return;
    await this.#session.query(
      `insert into ${this.#tasks} (run_id, task, object, statement, state, reason, ms, bytes_read, bytes_before,
         bytes_after, dead_before, dead_after)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        this.#id,
        record.task,
        record.object ?? null,
        record.statement ?? null,
        record.state,
        record.reason ?? null,
        Math.round(record.ms),
        record.bytesRead ?? null,
        record.bytesBefore ?? null,
        record.bytesAfter ?? null,
        record.deadBefore ?? null,
        record.deadAfter ?? null,
      ],
    );
  }

  async end(outcome: Exclude<RunOutcome, 'running' | 'killed'>, measures: Measures | undefined): Promise<void> {
    if (this.#id === undefined) return;
    await this.#session.query(
      `update ${this.#runs} set ended_at = clock_timestamp(), outcome = $2, measures = $3 where id = $1`,
      [this.#id, outcome, measures === undefined ? null : JSON.stringify(measures)],
    );
  }

  /** The latest runs, from the last; none where nothing was recorded yet. Only one run works at a time. */
  read(): Promise<readonly RecordedRun[]> {
    return this.#select(`select * from ${this.#runs} order by id desc limit ${READ_RUNS}`);
  }

  /** The latest run of each command, however long ago. */
  lastOfEach(): Promise<readonly RecordedRun[]> {
    return this.#select(`select distinct on (command) * from ${this.#runs} order by command, id desc`);
  }

  async #select(chosen: string): Promise<readonly RecordedRun[]> {
    const rows = await this.#readOr([], () =>
      this.#session.query<RecordedRun>(
        `select r.id::float8 as id, r.command, to_json(r.started_at at time zone 'UTC')#>>'{}' || 'Z' as "startedAt",
           to_json(r.ended_at at time zone 'UTC')#>>'{}' || 'Z' as "endedAt",
           coalesce(r.outcome, case when r.id = (select max(id) from ${this.#runs}) and exists (
             select from pg_catalog.pg_locks l
             where l.locktype = 'advisory' and l.granted and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid
           ) then 'running' else 'killed' end) as outcome,
           r.run_by as by, r.measures, t.tasks
         from (${chosen}) r
         cross join lateral (
           select coalesce(json_agg(json_build_object('task', task, 'object', object, 'state', state, 'reason', reason,
             'ms', ms, 'bytesBefore', bytes_before, 'bytesAfter', bytes_after) order by id), '[]') as tasks
           from ${this.#tasks} where run_id = r.id
         ) t
         order by r.id desc`,
        [MAINTENANCE_LOCK, maintenanceKey(this.#schema)],
      ),
    );
    return rows.map((run) => ({ ...withoutNulls(run), tasks: run.tasks.map(withoutNulls) }));
  }

  /** How fast statements of each kind were here: the median; what is assumed where none took long enough. */
  async rates(): Promise<Rates> {
    const rows = await this.#readOr([], () =>
      this.#session.query<{ task: string; rate: number }>(
        `select task, percentile_cont(0.5) within group (order by bytes_read * 1000.0 / ms) as rate
         from ${this.#tasks} where state = 'done' and ms >= $1 and bytes_read > 0 group by task`,
        [TELLING_MS],
      ),
    );
    return { ...ASSUMED_RATES, ...Object.fromEntries(rows.map(({ task, rate }) => [task, rate])) };
  }

  async #readOr<T>(otherwise: T, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      const code = serverError(error)?.code;
      const isAbsent = code === SQLSTATE.undefinedTable || code === SQLSTATE.invalidSchema;
      if (isAbsent || code === SQLSTATE.insufficientPrivilege) return otherwise;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const known = await this.#session.query('select pg_catalog.to_regclass($1) as name', [this.#tasks]);
    if ((known[0] as { name: string | null }).name !== null) return;
    const [schema] = await this.#session.query('select from pg_catalog.pg_namespace where nspname = $1', [
      this.#schema,
    ]);
    const statements = [
      ...(schema === undefined ? [`create schema ${quoteIdentifier(this.#schema)}`] : []),
      `create table if not exists ${this.#runs} (
         id bigint generated always as identity primary key,
         command text not null,
         started_at timestamptz not null default clock_timestamp(),
         ended_at timestamptz,
         outcome text,
         run_by text not null,
         tool_version text not null,
         measures jsonb
       )`,
      `create table if not exists ${this.#tasks} (
         id bigint generated always as identity primary key,
         run_id bigint not null references ${this.#runs} on delete cascade,
         task text not null,
         object text,
         statement text,
         state text not null,
         reason text,
         ended_at timestamptz not null default clock_timestamp(),
         ms bigint not null,
         bytes_read bigint,
         bytes_before bigint,
         bytes_after bigint,
         dead_before bigint,
         dead_after bigint
       )`,
      `create index if not exists maintenance_tasks_run on ${this.#tasks} (run_id)`,
      `comment on table ${this.#runs} is 'Runs of aisha-db maintain, vacuum, analyze and reindex.'`,
      `comment on table ${this.#tasks} is 'What each run of maintenance did, with sizes before and after.'`,
    ];
    for (const statement of statements) await this.#session.query(statement);
  }
}

/** Absent is `undefined` here. */
function withoutNulls<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T;
}
