import { quoteLiteral } from '../postgres/quote.ts';

/** A job that the server runs by itself: what is pure SQL of the monthly tasks (10.1). */
export interface SqlJob {
  readonly name: string;
  readonly at: string;
  readonly sql: string;
}

/** SKIP_LOCKED: a job of the night never stands in a queue in front of the application. */
export const SQL_JOBS: readonly SqlJob[] = [
  { name: 'analyze-weekly', at: '0 4 * * 0', sql: 'analyze (skip_locked)' },
  { name: 'vacuum-monthly', at: '0 1 1 * *', sql: 'vacuum (analyze, skip_locked)' },
  {
    name: 'history-daily',
    at: '30 0 * * *',
    sql: "delete from cron.job_run_details where end_time < now() - interval '100 days'",
  },
];

/** A row of cron.job. */
export interface PgCronJob {
  readonly jobname: string;
  readonly schedule: string;
  readonly command: string;
  readonly active: boolean;
}

/** What has to change for the jobs of a schedule to be there, and no others of it. */
export interface PgCronPlan {
  readonly put: readonly SqlJob[];
  /** Names as cron.job has them. */
  readonly remove: readonly string[];
  readonly kept: number;
}

/** What the names of the jobs of a schedule begin with. */
export function pgCronPrefix(name: string): string {
  return `aisha-db/${name}/`;
}

/** `existing` are the jobs of this role and database whose names begin with the prefix. */
export function planPgCron(name: string, wanted: readonly SqlJob[], existing: readonly PgCronJob[]): PgCronPlan {
  const prefix = pgCronPrefix(name);
  const found = new Map(existing.map((job) => [job.jobname, job]));
  const put = wanted.filter((job) => {
    const there = found.get(prefix + job.name);
    return there === undefined || there.schedule !== job.at || there.command !== job.sql || !there.active;
  });
  const names = new Set(wanted.map((job) => prefix + job.name));
  const remove = existing.map(({ jobname }) => jobname).filter((jobname) => !names.has(jobname));
  return { put, remove, kept: wanted.length - put.length };
}

/** A script for psql that makes the jobs; cron.schedule replaces one of the same name (pg_cron's README). */
export function renderPgCron(name: string, jobs: readonly SqlJob[]): string {
  const lines = jobs.map(
    (job) =>
      `select cron.schedule(${quoteLiteral(pgCronPrefix(name) + job.name)}, ${quoteLiteral(job.at)}, ${quoteLiteral(job.sql)});`,
  );
  return `${lines.join('\n')}\n`;
}
