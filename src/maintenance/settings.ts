import type { Severity } from '../report/report.ts';
import { type Cadence, DEFAULT_ROUTINES } from './cadence.ts';

/** From which numbers on a table or index is worth the work, and when the database is left alone (docs/maintain.md). */
export interface MaintenanceSettings {
  /** Tables that are worked on side by side; indexes are rebuilt one after the other. */
  readonly jobs: number;
  /** How long (ms) a run waits altogether for a busy database before it leaves the rest to the next one. */
  readonly patienceMs: number;
  readonly busy: BusySettings;
  /** Hours of the day in which work may slow others down: `01:00-05:00`, of this machine's clock. */
  readonly window: string | undefined;
  readonly vacuum: VacuumSettings;
  readonly analyze: AnalyzeSettings;
  readonly reindex: ReindexSettings;
  /** The tasks of each routine. */
  readonly routines: Readonly<Record<Cadence, readonly string[]>>;
  /** Where what a routine finds is posted. */
  readonly webhook: WebhookSettings | undefined;
}

export interface WebhookSettings {
  readonly url: string;
  /** Name of the environment variable that holds the key of the signature. */
  readonly secretFrom: string;
  /** Lowest severity that is worth a message. */
  readonly severity: Severity;
}

export interface BusySettings {
  /** Sessions of others at work, from which on the database is busy. */
  readonly activeSessions: number;
  /** Megabytes that a standby may be behind. */
  readonly replicationLagMb: number;
  /** Age (ms) of a transaction from which on VACUUM would remove little and REINDEX CONCURRENTLY wait for it. */
  readonly longTransactionMs: number;
  /** Transactions a second on the server, from which on VACUUM goes slowly and no large index is rebuilt. */
  readonly transactions: number;
}

interface VacuumSettings {
  readonly deadRows: number;
  /** Of all rows. Autovacuum's own default is 20. */
  readonly deadPercent: number;
  readonly insertedRows: number;
  readonly insertedPercent: number;
  /** Of autovacuum_freeze_max_age. */
  readonly agePercent: number;
  /** VACUUM sleeps (ms) whenever it has done `costLimit` of work, as autovacuum does; 0: never. */
  readonly costDelayMs: number;
  /** Work of VACUUM between two sleeps while others work, in the server's units: a page that it dirties counts 20. */
  readonly costLimit: number;
  /** The same while the server is quiet, and within the window. */
  readonly quietCostLimit: number;
}

interface AnalyzeSettings {
  readonly changedRows: number;
  /** Of all rows. Autovacuum's own default is 10. */
  readonly changedPercent: number;
}

interface ReindexSettings {
  readonly wastedMb: number;
  readonly wastedPercent: number;
  /** Megabytes of an index once it is rebuilt, from which on that waits for a quiet server or the window. */
  readonly largeMb: number;
}

export const DEFAULT_MAINTENANCE: MaintenanceSettings = {
  jobs: 1,
  patienceMs: 1_800_000,
  busy: { activeSessions: 20, replicationLagMb: 64, longTransactionMs: 600_000, transactions: 50 },
  window: undefined,
  vacuum: {
    deadRows: 1_000,
    deadPercent: 5,
    insertedRows: 10_000,
    insertedPercent: 20,
    agePercent: 75,
    costDelayMs: 2,
    // An eighth of autovacuum's own: 5 MB/s of pages dirtied, at which the commits of others keep their pace.
    costLimit: 25,
    quietCostLimit: 200,
  },
  analyze: { changedRows: 500, changedPercent: 5 },
  reindex: { wastedMb: 10, wastedPercent: 40, largeMb: 16 },
  routines: DEFAULT_ROUTINES,
  webhook: undefined,
};
