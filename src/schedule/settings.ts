/** What the configuration says about one job (docs/schedule.md). */
interface JobSettings {
  /** Five fields of cron, in place of the job's own. */
  readonly at?: string | undefined;
  /** Arguments of aisha-db: needed for a job of the project's own, else in place of the shipped ones. */
  readonly run?: readonly string[] | undefined;
  readonly enabled?: boolean | undefined;
}

/** The block `schedule` of the configuration, resolved. */
export interface ScheduleSettings {
  /** IANA name; `undefined`: UTC where the scheduler can say so, else the zone of the machine. */
  readonly timezone: string | undefined;
  /** File with the variables of the connection, `NAME=value` a line. */
  readonly environmentFile: string | undefined;
  /** Milliseconds that a job may be late before `schedule check` says so. */
  readonly graceMs: number;
  readonly jobs: Readonly<Record<string, JobSettings>>;
}
