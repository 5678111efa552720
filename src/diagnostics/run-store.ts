import { parseSavedRun, type SavedRun } from './saved-run.ts';

/** Stored runs beyond this many are removed when one is added: more than a year of daily ones. */
export const KEPT_RUNS = 400;
/** So many, the latest, are read to compare with. */
export const READ_RUNS = 100;
/** Of these the findings as well; of the others only numbers, so that a hundred runs fit into memory. */
export const READ_FINDINGS = 10;

/** What a store holds of this database. */
export interface History {
  /** From the oldest. */
  readonly runs: readonly SavedRun[];
  /** Runs that a later version wrote. */
  readonly newer: number;
  readonly unreadable: number;
}

/** Where runs are kept. */
export interface RunStore {
  /** @throws AishaError when it exists and may not be read */
  read(): Promise<History>;
  /** @throws AishaError when it may not be written */
  write(run: SavedRun): Promise<void>;
}

/** @param values from the latest */
export function toHistory(values: readonly unknown[]): History {
  const parsed = values.map(parseSavedRun);
  const runs = parsed.filter((run) => typeof run !== 'string');
  const slim = runs.map((run, index) => (index < READ_FINDINGS ? run : { ...run, checks: {}, findings: [] }));
  return {
    runs: slim.toSorted((a, b) => Date.parse(a.takenAt) - Date.parse(b.takenAt)),
    newer: parsed.filter((run) => run === 'newer').length,
    unreadable: parsed.filter((run) => run === 'unreadable').length,
  };
}
