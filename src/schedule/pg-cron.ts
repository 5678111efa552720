import { AishaError } from '../errors.ts';
import { SQLSTATE, serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type PgCronJob, type PgCronPlan, pgCronPrefix } from './pg-cron-plan.ts';

/** What pg_cron is here. */
export interface PgCronFacts {
  /** Times of its jobs are in it. */
  readonly zone: string;
  /** Jobs of this role and database that belong to the schedule. */
  readonly jobs: readonly PgCronJob[];
}

/** A run that pg_cron recorded. */
export interface PgCronRun {
  readonly jobname: string;
  readonly startedAt: Date;
  readonly succeeded: boolean;
  readonly message: string;
}

/** @throws AishaError (usage) where there is no pg_cron, or this role may not use it, with what to do */
export async function readPgCron(session: Session, name: string): Promise<PgCronFacts> {
  const [extension] = await session.query<{ home: string | null; usable: boolean | null }>(`
    select ${readable('cron.database_name')} as home,
      (select pg_catalog.has_schema_privilege(n.oid, 'usage') from pg_catalog.pg_extension e
       join pg_catalog.pg_namespace n on n.nspname = 'cron' where e.extname = 'pg_cron') as usable
  `);
  if (extension!.usable === null) throw noPgCron(extension!.home);
  if (!extension!.usable) {
    throw new AishaError('usage', 'this role may not use the schema cron', {
      hint: 'Run as its owner: grant usage on schema cron to this role.',
    });
  }
  const [setting] = await session.query<{ zone: string | null }>(`select ${readable('cron.timezone')} as zone`);
  const jobs = await session.query<PgCronJob>(
    `select jobname::text, schedule, command, active from cron.job
     where starts_with(jobname, $1) and username = current_user and database = current_database() order by jobname`,
    [pgCronPrefix(name)],
  );
  return { zone: setting!.zone === null || setting!.zone === 'GMT' ? 'UTC' : setting!.zone, jobs };
}

/** A setting of pg_cron; NULL where there is none, or this role may not see it. */
function readable(setting: string): string {
  return `case when pg_catalog.pg_has_role('pg_read_all_settings', 'usage')
    then pg_catalog.current_setting('${setting}', true) end`;
}

function noPgCron(home: string | null): AishaError {
  return home === null
    ? new AishaError('usage', 'this database has no extension pg_cron', {
        hint: "Add pg_cron to shared_preload_libraries and restart, or switch it on among the platform's extensions; it can be in one database only.",
      })
    : new AishaError('usage', 'this database has no extension pg_cron', {
        hint: `It can be in one database only, which cron.database_name says is "${home}": create extension pg_cron; there, and connect to it.`,
      });
}

/** Makes the plan true, in one transaction. */
export async function applyPgCron(session: Session, name: string, plan: PgCronPlan): Promise<void> {
  const prefix = pgCronPrefix(name);
  await session.query('begin');
  try {
    for (const jobname of plan.remove) await unschedule(session, jobname);
    for (const { name: job, at, sql } of plan.put) {
      // An inactive one of the same name would stay inactive.
      await unschedule(session, prefix + job);
      // Untyped: the name is a `name` up to 1.4 and a `text` later.
      await session.query('select cron.schedule($1, $2, $3)', [prefix + job, at, sql]);
    }
    await session.query('commit');
  } catch (error) {
    await session.undo();
    if (serverError(error)?.code !== SQLSTATE.insufficientPrivilege) throw error;
    throw new AishaError('usage', `this role may not schedule jobs: ${(error as Error).message}`, {
      hint: 'On Supabase switch the extension on in the dashboard; elsewhere: grant usage on schema cron to this role.',
      cause: error,
    });
  }
}

/** Takes away the job of that name, if it is this role's and this database's. */
async function unschedule(session: Session, jobname: string): Promise<void> {
  await session.query(
    `select cron.unschedule(jobid) from cron.job
     where jobname = $1 and username = current_user and database = current_database()`,
    [jobname],
  );
}

/** The last run of each job of the schedule. */
export function readPgCronRuns(session: Session, name: string): Promise<PgCronRun[]> {
  return session.query<PgCronRun>(
    `select distinct on (j.jobname) j.jobname::text, d.start_time as "startedAt", d.status = 'succeeded' as succeeded,
       coalesce(d.return_message, '') as message
     from cron.job j join cron.job_run_details d on d.jobid = j.jobid
     where starts_with(j.jobname, $1) and j.username = current_user and j.database = current_database()
       and d.start_time is not null
     order by j.jobname, d.start_time desc`,
    [pgCronPrefix(name)],
  );
}
