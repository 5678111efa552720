import { WATCHED, type Watched } from './state.ts';

// Whether a transaction wrote to a catalog at all is asked of the server's own counters, which cost next to nothing;
// they never miss a write of the transaction, and also count what a subtransaction took back (PostgreSQL docs 28.2.25,
// pg_stat_get_xact_tuples_*). They go on counting until the session is idle outside of a transaction: hence the mark, set
// in front of the file's transaction in the same message. Operators have no schema here but pg_catalog: the guard runs
// under the file's search_path.

const MARK = 'aisha_db.gate';

/** Begins what the guard cannot read as a number: its way to fail. */
const CALL = 'aisha-db gate looks closer ';

const COUNTS = `pg_catalog.concat_ws(',', ${WATCHED.flatMap((catalog) =>
  ['inserted', 'updated', 'deleted'].map(
    (what) => `pg_catalog.pg_stat_get_xact_tuples_${what}('pg_catalog.${catalog}'::pg_catalog.regclass)`,
  ),
).join(', ')})`;

/** Nothing is counted while track_counts is off. */
const NOW = `case when pg_catalog.texteq(pg_catalog.current_setting('track_counts'), 'on') then ${COUNTS} else '' end`;

/** Leaves in the session what the guard compares with. */
export const MARK_SQL = `pg_catalog.set_config('${MARK}', ${NOW}, false)`;

/** Fails unless nothing was written since the mark; a file that takes the mark away (RESET ALL) is looked at as well. */
export const GUARD_SQL = `select case
  when pg_catalog.texteq(mark, counts) and pg_catalog.textne(counts, '') then 1
  else pg_catalog.concat('${CALL}', mark, ';', counts)::pg_catalog.int4 end
  from (select pg_catalog.current_setting('${MARK}', true) as mark, ${NOW} as counts offset 0) now`;

export function isCallOfGuard(error: Error): boolean {
  return error.message.includes(CALL);
}

/** Catalogs that were written to, by the guard's call; all of them where that cannot be told. */
export function touchedCatalogs(call: Error | undefined): ReadonlySet<Watched> {
  const [, mark = '', counts = ''] = /looks closer ([\d,]*);([\d,]*)/.exec(call?.message ?? '') ?? [];
  if (mark === '' || counts === '') return new Set(WATCHED);
  const [before, after] = [mark.split(','), counts.split(',')];
  return new Set(WATCHED.filter((_, at) => [0, 1, 2].some((one) => before[at * 3 + one] !== after[at * 3 + one])));
}
