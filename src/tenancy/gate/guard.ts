import { WATCHED, WATCHED_OIDS, type Watched } from './state.ts';

// Whether a transaction wrote to a catalog at all is asked of the server's own counters, which cost next to nothing;
// they never miss a write of the transaction, and also count what a subtransaction took back (PostgreSQL docs 28.2.25,
// pg_stat_get_xact_tuples_*). They go on counting until the session is idle outside of a transaction: hence the mark, set
// in front of the file's transaction in the same message. Operators have no schema here but pg_catalog: the guard runs
// under the file's search_path.

const MARK = 'aisha_db.gate';

/** Begins what the guard cannot read as a number: its way to fail. */
const CALL = 'aisha-db gate looks closer ';

/**
 * Short, for it stands in front of the file: pg_stat_activity shows the first 1,024 bytes of a message
 * (track_activity_query_size), and those should be the file's.
 */
const COUNTS = `array(select pg_catalog.concat_ws(',',${['inserted', 'updated', 'deleted'].map((what) => `pg_catalog.pg_stat_get_xact_tuples_${what}(o)`)})from pg_catalog.unnest('{${WATCHED_OIDS}}'::pg_catalog.oid[])o)::pg_catalog.text`;

/** Leaves in the session what the guard compares with. */
export const MARK_SQL = `pg_catalog.set_config('${MARK}',${COUNTS},false)`;

/**
 * Fails unless nothing was written since the mark; a file that takes the mark away (RESET ALL) is looked at as well, and
 * each one while track_counts is off, since nothing is counted then.
 */
export const GUARD_SQL = `select case
  when pg_catalog.texteq(mark, counts) and pg_catalog.texteq(pg_catalog.current_setting('track_counts'), 'on') then 1
  else pg_catalog.concat('${CALL}', mark, ';', counts)::pg_catalog.int4 end
  from (select pg_catalog.current_setting('${MARK}', true) as mark, ${COUNTS} as counts offset 0) now`;

export function isCallOfGuard(error: Error): boolean {
  return error.message.includes(CALL);
}

/** Catalogs that were written to, by the guard's call; all of them where that cannot be told. */
export function touchedCatalogs(call: Error | undefined): ReadonlySet<Watched> {
  const [, mark = '', counts = ''] = /looks closer ([^;]*);([^;]*})/.exec(call?.message ?? '') ?? [];
  const [before, after] = [numbersOf(mark), numbersOf(counts)];
  // Equal, and yet it called: nothing is counted.
  if (before.length !== after.length || mark === counts) return new Set(WATCHED);
  return new Set(WATCHED.filter((_, at) => [0, 1, 2].some((one) => before[at * 3 + one] !== after[at * 3 + one])));
}

function numbersOf(counts: string): readonly string[] {
  return counts.match(/\d+/g) ?? [];
}
